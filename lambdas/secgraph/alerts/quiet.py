"""The quiet start: what a new deployment finds at first is told in one summary, not in a flood.

Until the first summary was sent, alerts open silently; a tick with nothing open changes nothing. After it,
each transition has a message of its own. `covered` says how far the summary told each alert, so that what
changed silently beside it (two runs at once, a crash) is neither told twice nor lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from secgraph.alerts.lifecycle import AlertState, Transition, opened
from secgraph.alerts.outbox import Pending


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a deployment stands. `covered` maps rules to the `seq` at which the summary told of them."""

    told_on: int | None = None
    covered: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    pending: Pending | None = None

    @property
    def quiet(self) -> bool:
        """Tell whether the first summary is still to be sent."""
        return self.told_on is None


def hushed(before: AlertState | None, after: AlertState) -> AlertState:
    """Give the state after a silent evaluation: it is untold once anything happened while it is open."""
    moved = before is None or after.seq != before.seq
    return replace(after, untold=after.active and (moved or (before is not None and before.untold)))


def voiced(
    deployment: Deployment,
    before: AlertState | None,
    after: AlertState,
    transition: Transition | None,
    now: int,
) -> tuple[AlertState, Transition | None]:
    """Give the state and the message of an evaluation after the quiet start."""
    told = replace(after, untold=False)
    if before is None or not acknowledged(deployment, before).untold:
        return told, transition
    return told, opened(told, now) if told.active else None


def acknowledged(deployment: Deployment, state: AlertState) -> AlertState:
    """Give the state, no longer untold if the summary told of it."""
    told = deployment.covered.get(state.rule) == state.seq
    return replace(state, untold=False) if state.untold and told else state


def uncovered(deployment: Deployment, state: AlertState) -> bool:
    """Tell whether an open alert changed silently beside the summary."""
    return state.active and acknowledged(deployment, state).untold


def covering(states: Iterable[AlertState]) -> dict[str, int]:
    """Say how far a summary of these states tells each of them."""
    return {state.rule: state.seq for state in states if state.active}
