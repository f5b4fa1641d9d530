"""Secrets Manager: the ARN of a secret → its text, kept for some minutes so that a warm function asks seldom.

No error quotes a secret, and none is ever logged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.errors import ChannelError

KEPT_SECONDS: Final = 300.0


class Secrets:
    """The secrets of channels. `clock` gives seconds, from wherever it counts them."""

    def __init__(self, client: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def __repr__(self) -> str:
        return "Secrets(…)"

    def text(self, arn: str) -> str:
        """Give the text of a secret. Raises ChannelError if it cannot be read or holds no text."""
        asked_on = self._clock()
        read_on, text = self._kept.get(arn, (0.0, ""))
        if not text or asked_on - read_on >= KEPT_SECONDS:
            text = self._read(arn)
            self._kept[arn] = (asked_on, text)
        return text

    def _read(self, arn: str) -> str:
        try:
            text = self._client.get_secret_value(SecretId=arn).get("SecretString", "").strip()
        except (ClientError, BotoCoreError) as error:
            raise ChannelError(f"the secret {arn} cannot be read: {error}") from error
        if not text:
            raise ChannelError(f"the secret {arn} holds no text; store the value as its secret string")
        return str(text)
