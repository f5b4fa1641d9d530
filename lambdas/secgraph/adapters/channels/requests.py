"""Effects that become requests, their secrets in place. In: Effect. Out: Unsealed, for sending and nothing
else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from secgraph.alerts.channels.sealed import filled, names
from secgraph.alerts.reach import Reach
from secgraph.errors import ChannelError, SecgraphError
from secgraph.rules.effects import Effect


@dataclass(frozen=True, slots=True)
class Unsealed:
    """An effect with its secrets, and where it goes. Neither shows in a log by accident."""

    url: str = field(repr=False)
    effect: Effect = field(repr=False)


def unsealed(effect: Effect, reach: Reach, secrets: Callable[[str], str]) -> Unsealed:
    """Put the secrets in, if the effect may go where it is to go with them. Raises ChannelError, final if it
    may not."""
    if refused := reach.check(effect):
        raise refused
    needed = names([effect.target, effect.payload])
    try:
        whole = replace(
            effect, target=filled(effect.target, secrets), payload=filled(effect.payload, secrets)
        )
    except ChannelError:
        raise
    except SecgraphError as error:
        raise ChannelError(f"a secret parameter cannot be read: {error}") from None
    url = str(whole.target).strip()
    if refused := reach.check_url(url, needed):
        raise refused
    return Unsealed(url, whole)
