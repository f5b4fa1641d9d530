"""The quiet start: what a new deployment finds at first is told in one summary, not in a flood.

Until the first summary was made, alerts open silently; a tick with nothing open changes nothing. After it,
each transition has a message of its own. `covered` says how far the summary told each alert, so that what
changed silently beside it (two runs at once, a crash) is neither told twice nor lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from secgraph.alerts.lifecycle import Happened, opened, resolved
from secgraph.alerts.state import AlertState


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a deployment stands. `told_on` is when its summary was made, and `covered` maps rules to the
    `seq` at which it told of them.

    `began_on` is when its quiet start began, as far as something held its end up.
    A version before this one may have tried to send a summary, and be at it until `busy_until`.
    """

    told_on: int | None = None
    covered: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    tried: bool = False
    busy_until: int = 0
    began_on: int | None = None

    @property
    def quiet(self) -> bool:
        """Tell whether the first summary is still to be made."""
        return self.told_on is None


def hushed(before: AlertState | None, after: AlertState, happened: Sequence[object]) -> AlertState:
    """Give the state after a silent evaluation: from the first thing that happens on it is untold."""
    untold = bool(happened) or (before is not None and before.untold)
    return replace(after, untold=untold, seq=after.seq + bool(happened))


def acknowledged(deployment: Deployment, state: AlertState) -> AlertState:
    """Give the state, no longer untold if the summary told all of it, or if there is nothing to tell."""
    covered = deployment.covered.get(state.rule)
    known = covered == state.seq or (covered is None and not state.active)
    return replace(state, untold=False) if state.untold and known else state


def voiced(
    deployment: Deployment, before: AlertState | None, after: AlertState, happened: Happened, now: int
) -> tuple[AlertState, Happened]:
    """Give the state and what to tell of an evaluation after the quiet start.

    What changed silently beside the summary is caught up with here: an open alert is told whole, one that
    the summary called open and that is no longer is told as resolved.
    """
    told = replace(after, untold=False)
    if before is None or not acknowledged(deployment, before).untold:
        return told, happened
    if told.active:
        return told, (opened(told, now),)
    return told, (resolved(told, now),) if told.rule in deployment.covered else ()


def uncovered(deployment: Deployment, state: AlertState) -> bool:
    """Tell whether an alert changed silently beside the summary in a way that people should hear of."""
    return acknowledged(deployment, state).untold


def covering(states: Iterable[AlertState]) -> dict[str, int]:
    """Say how far a summary of these states tells each of them."""
    return {state.rule: state.seq for state in states if state.active}
