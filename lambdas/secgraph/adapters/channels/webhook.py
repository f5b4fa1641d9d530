"""Webhooks: signed notifications to the deployment's own, and the requests of rules' actions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from secgraph.adapters.channels.answers import settle
from secgraph.adapters.channels.given import effect_of, fields_of, notification_of
from secgraph.adapters.channels.https import Https
from secgraph.adapters.channels.requests import unsealed
from secgraph.alerts.channels.signing import signature
from secgraph.alerts.channels.structure import text_of
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError
from secgraph.rules.actions import RESERVED_HEADERS
from secgraph.rules.effects import Effect
from secgraph.rules.fields import Json

ID: Final = "Secgraph-Id"
TIMESTAMP: Final = "Secgraph-Timestamp"
SIGNATURE: Final = "Secgraph-Signature"
LIMIT: Final = 1_048_576
"""Bytes of a body."""
METHODS: Final = ("POST", "PUT", "PATCH", "GET", "DELETE")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\t -~]{0,8000}")
ID_LENGTH: Final = 1_000
"""Characters of the header that names a message."""


class WebhookChannel:
    """The deployment's webhook. `key` reads the secret that signs; `clock` gives seconds since 1970."""

    def __init__(
        self, https: Https, url: str, key: Callable[[], str], clock: Callable[[], float] = time.time
    ) -> None:
        self._https = https
        self._url = url
        self._key = key
        self._clock = clock

    def send(self, outgoing: Outgoing) -> None:
        """Post the structure of a notification, signed. Raises ChannelError."""
        body = text_of(notification_of(outgoing)).encode()
        now = int(self._clock())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "secgraph",
            ID: header_id(outgoing),
            TIMESTAMP: str(now),
            SIGNATURE: signature(self._key(), now, body),
        }
        settle(self._https.request("POST", self._url, headers, body))


class WebhookAction:
    """What WEBHOOK requests. `secrets` gives the value of a secret parameter by its name."""

    def __init__(self, https: Https, reach: Reach, secrets: Callable[[str], str]) -> None:
        self._https = https
        self._reach = reach
        self._secrets = secrets

    def send(self, outgoing: Outgoing) -> None:
        """Make the request of an effect. Raises ChannelError."""
        sent = unsealed(effect_of(outgoing), self._reach, self._secrets)
        body, content = _body(sent.effect)
        headers = {"User-Agent": "secgraph", **content, **_headers(sent.effect), ID: header_id(outgoing)}
        settle(self._https.request(_method(sent.effect), sent.url, headers, body))


def header_id(outgoing: Outgoing) -> str:
    """Give the id as a header takes it: all but ASCII letters, digits and some signs as %XX. One that is too
    long ends with a digest of all of it, since what tells messages of one rule apart stands at its end."""
    written = quote(outgoing.id, safe="#:/ -_.~")
    if len(written) <= ID_LENGTH:
        return written
    return f"{written[:900]}-{sha256(outgoing.id.encode()).hexdigest()}"


def _method(effect: Effect) -> str:
    method = fields_of(effect).get("method") or "POST"
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise _wrong(effect, f"the method is not one of {', '.join(METHODS)}")
    return method.upper()


def _body(effect: Effect) -> tuple[bytes | None, dict[str, str]]:
    """Give the body and what its Content-Type is unless the rule says otherwise."""
    body: Json = fields_of(effect).get("body")
    if body is None:
        return None, {}
    if _method(effect) == "GET":
        raise _wrong(effect, "a GET carries no body; write another method, or take the body out")
    plain = isinstance(body, str)
    sent = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
    if len(sent) > LIMIT:
        raise _wrong(effect, f"the body has {len(sent):,} bytes, and {LIMIT:,} are sent at most")
    return sent, {"Content-Type": f"{'text/plain' if plain else 'application/json'}; charset=utf-8"}


def _headers(effect: Effect) -> dict[str, str]:
    """Give the headers of the rule. No error quotes a value: it may be a secret."""
    given = fields_of(effect).get("headers") or {}
    if not isinstance(given, dict):
        raise _wrong(effect, "the headers are not an object")
    found = {}
    for name, value in given.items():
        if not _NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            raise _wrong(effect, f"the header {name[:100]!r} is not one that a rule may write")
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        if not _VALUE.fullmatch(text):
            raise _wrong(effect, f"the value of the header {name} is not one line of plain ASCII")
        found["Content-Type" if name.lower() == "content-type" else name] = text
    return found


def _wrong(effect: Effect, reason: str) -> ChannelError:
    return ChannelError(f"{effect.place}: {reason}", final=True)
