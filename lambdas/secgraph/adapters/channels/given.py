"""What a channel was handed. In: Outgoing. Out: the notification or the effect that the channel is for."""

from __future__ import annotations

import hashlib

from secgraph.alerts.notification import Notification
from secgraph.alerts.ports import Outgoing
from secgraph.errors import ChannelError
from secgraph.rules.effects import Effect
from secgraph.rules.fields import Json


def notification_of(outgoing: Outgoing) -> Notification:
    """Give the notification. Raises ChannelError, final, if there is none."""
    if outgoing.notification is None:
        raise ChannelError("this channel takes notifications, and was handed an action's effect", final=True)
    return outgoing.notification


def effect_of(outgoing: Outgoing) -> Effect:
    """Give the effect. Raises ChannelError, final, if there is none."""
    if outgoing.effect is None:
        raise ChannelError("this channel takes effects of actions, and was handed a notification", final=True)
    return outgoing.effect


def fields_of(effect: Effect) -> dict[str, Json]:
    """Give the fields of an effect whose payload is an object. Raises ChannelError, final, if it is not."""
    if not isinstance(effect.payload, dict):
        raise ChannelError(f"{effect.place}: the payload of a {effect.kind} is not an object", final=True)
    return effect.payload


def sent_once(outgoing: Outgoing) -> str:
    """Give a key of 64 letters and digits for channels that drop what they were sent before: of any id, of
    whatever length and letters, the same each time."""
    return hashlib.sha256(outgoing.id.encode()).hexdigest()
