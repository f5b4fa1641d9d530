"""Messages to Slack by incoming webhooks: notifications, and what the actions of rules say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from secgraph.adapters.channels.answers import settle
from secgraph.adapters.channels.given import effect_of, fields_of, notification_of
from secgraph.adapters.channels.https import Https
from secgraph.adapters.channels.requests import unsealed
from secgraph.alerts.channels.slack import card, message
from secgraph.alerts.ports import Outgoing
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError
from secgraph.rules.effects import Effect
from secgraph.rules.rule import Level

WORDS: Final = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "invalid_token",
        "msg_blocks_too_long",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "no_text",
        "posting_to_general_channel_denied",
        "rate_limited",
        "ratelimited",
        "rollup_error",
        "team_disabled",
        "too_many_attachments",
        "user_not_found",
    }
)
"""What a webhook of Slack says."""
NO_WEBHOOK: Final = (
    "the action has no webhookUrl, and the deployment no slackSecret whose webhook it could use"
)
HEADERS: Final = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "secgraph"}


class SlackChannel:
    """The deployment's channel. `url` reads the address of its webhook, which is a secret."""

    def __init__(self, https: Https, url: Callable[[], str]) -> None:
        self._https = https
        self._url = url

    def send(self, outgoing: Outgoing) -> None:
        """Post a notification. Raises ChannelError."""
        _post(self._https, self._url(), card(notification_of(outgoing)))


class SlackAction:
    """What SEND_SLACK_MESSAGE posts. `secrets` gives the value of a secret parameter by its name; `own` reads
    the address of the deployment's webhook, where an action goes that names none."""

    def __init__(
        self,
        https: Https,
        reach: Reach,
        secrets: Callable[[str], str],
        own: Callable[[], str] | None = None,
    ) -> None:
        self._https = https
        self._reach = reach
        self._secrets = secrets
        self._own = own

    def send(self, outgoing: Outgoing) -> None:
        """Post an effect. Raises ChannelError."""
        effect = effect_of(outgoing)
        if effect.target is not None:
            sent = unsealed(effect, self._reach, self._secrets)
            _post(self._https, sent.url, _payload(sent.effect))
            return
        if refused := self._reach.check(effect):
            raise refused
        if self._own is None:
            raise ChannelError(f"{effect.place}: {NO_WEBHOOK}", final=True)
        _post(self._https, self._own(), _payload(effect))


def _payload(effect: Effect) -> dict[str, Any]:
    fields = fields_of(effect)
    severity, channels = fields.get("severity"), fields.get("channels")
    return message(
        str(fields.get("text") or ""),
        Level[severity] if isinstance(severity, str) and severity in Level.__members__ else None,
        [str(each) for each in channels] if isinstance(channels, list) else [],
    )


def _post(https: Https, url: str, payload: Mapping[str, Any]) -> None:
    body = json.dumps(payload, ensure_ascii=False).encode()
    settle(https.request("POST", url, HEADERS, body), WORDS)
