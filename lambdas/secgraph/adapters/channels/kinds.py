"""The ways out of a deployment by kind: `topic`, `chat`, `slack`, `webhook`, and for the actions of rules
`action:sns`, `action:sqs`, `action:slack`, `action:webhook`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from secgraph.adapters.channels.https import Https
from secgraph.adapters.channels.slack import SlackAction, SlackChannel
from secgraph.adapters.channels.sns import ChatChannel, SNSAction, TopicChannel
from secgraph.adapters.channels.sqs import SQSAction
from secgraph.adapters.channels.webhook import WebhookAction, WebhookChannel
from secgraph.adapters.secrets import Secrets
from secgraph.alerts.ports import Channel
from secgraph.alerts.reach import Reach, host_of
from secgraph.errors import ChannelError
from secgraph.j1ql.server.parameters import Parameters, Secret


@dataclass(frozen=True, slots=True)
class Places:
    """Where the channels of a deployment lead: ARNs of topics and secrets, and a URL; empty without one."""

    topic: str
    chat: str = ""
    slack_secret: str = ""
    webhook: str = ""
    webhook_secret: str = ""


def channels_of(
    places: Places,
    *,
    clients: Callable[[str, str], Any],
    secrets: Secrets,
    parameters: Parameters,
    reach: Reach,
) -> Mapping[str, Channel]:
    """Give the channels that there are. `clients` gives the client of a service for a region, "" for ours."""
    https, sealed = Https(), partial(secret_of, parameters)
    sns, sqs = partial(clients, "sns"), partial(clients, "sqs")
    own = partial(address_in, secrets, places.slack_secret) if places.slack_secret else None
    there: dict[str, Channel] = {
        "topic": TopicChannel(sns(""), places.topic),
        "action:sns": SNSAction(sns, reach),
        "action:sqs": SQSAction(sqs, reach),
        "action:slack": SlackAction(https, reach, sealed, own),
        "action:webhook": WebhookAction(https, reach, sealed),
    }
    if places.chat:
        there["chat"] = ChatChannel(sns(""), places.chat)
    if own is not None:
        there["slack"] = SlackChannel(https, own)
    if places.webhook:
        key = partial(secrets.text, places.webhook_secret)
        there["webhook"] = WebhookChannel(https, places.webhook, key)
    return there


def address_in(secrets: Secrets, arn: str) -> str:
    """Give the URL that a secret holds. Raises ChannelError, which quotes none of it: who mends the secret
    has the messages sent then."""
    url = secrets.text(arn)
    if host_of(url) is None:
        raise ChannelError(
            f"the secret {arn} holds no https URL; store the URL alone, as plaintext and not as key and value"
        )
    return url


def secret_of(parameters: Parameters, name: str) -> str:
    """Give the text of a secret parameter. Raises ChannelError, and what reading it raises."""
    value = parameters.get(name)
    if value is None:
        raise ChannelError(f"there is no parameter {name}; store it as a SecureString")
    if isinstance(value, Secret):
        value = value.value
    if isinstance(value, str):
        return value
    raise ChannelError(f"the parameter {name} is not a text", final=True)
