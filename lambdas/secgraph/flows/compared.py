"""What a source answered of findings → the graph, which is then compared with it.

    Listed… ─ingest→ graph ─read→ Held… ─where they still differ: finding_state, ingest→ Compared

The answer itself is what is archived and merged. It does not always prevail: a finding that was archived or
taken out of the archive keeps its `updatedAt`, so that nothing in the answer is newer than what is held. What
the source said last is told in an event of our own then, with the moment before it was asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from secgraph.errors import EventError
from secgraph.flows.ingest import QUARANTINED, UNCHANGED, read
from secgraph.flows.reconciling import Work
from secgraph.graph.merge import entity
from secgraph.graph.model import Item, id_of
from secgraph.graph.settled import FINDING, STATE
from secgraph.ingest.normalise import Ignored
from secgraph.ingest.ports import Delivery
from secgraph.sources.observed import ABSENT, finding_state
from secgraph.sources.ports import Listed
from secgraph.sources.scope import Scope

NEVER: Final = -1


@dataclass(frozen=True, slots=True)
class Held:
    """What the graph shows of a finding: whether it is open, and as of when by the source's clock."""

    is_open: bool
    time: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of findings: `open_ids` are the `_id`s of those that the source counts as open; `held` of
    these are open here. `repaired` had another state here, `closed` of these were open."""

    open_ids: tuple[str, ...] = ()
    held: int = 0
    repaired: int = 0
    closed: int = 0
    quarantined: int = 0

    def with_more(self, other: Compared) -> Compared:
        """Add up two."""
        return Compared(
            self.open_ids + other.open_ids,
            self.held + other.held,
            self.repaired + other.repaired,
            self.closed + other.closed,
            self.quarantined + other.quarantined,
        )


def bring_answers(
    work: Work, scope: Scope, findings: Sequence[Listed], *, asked_on: int, received_on: int
) -> Compared:
    """Bring what a source answered into the graph and see to it that it shows what the source said.

    `asked_on` is before the request was sent, `received_on` when it counts as received, also if this is done
    again (epoch ms). Raises StoreError; then it is to be done again.
    """
    ids = {id_of(finding.arn): finding for finding in findings}
    before = _held(work, scope, ids)
    answers = {id_: Delivery(finding.arn, finding.body, received_on) for id_, finding in ids.items()}
    outcomes = _outcomes(work, answers)
    touched = [id_ for id_ in ids if outcomes[id_] != UNCHANGED or id_ not in before]
    after = before | _held(work, scope, touched)
    states = {
        id_: finding_state(
            finding.arn,
            scope,
            is_open=finding.is_open,
            observed_on=max(asked_on, _time_of(answers[id_])),
        )
        for id_, finding in ids.items()
        if id_ in after and after[id_].is_open != finding.is_open and not _is_older(answers[id_], after[id_])
    }
    work.bring_in(list(states.values()))
    after |= _held(work, scope, states)
    open_ids = tuple(id_ for id_, finding in ids.items() if finding.is_open)
    return Compared(
        open_ids,
        held=sum(id_ in after and after[id_].is_open for id_ in open_ids),
        repaired=sum(after.get(id_) != before.get(id_) for id_ in ids),
        closed=_closed(before, after),
        quarantined=sum(outcome == QUARANTINED for outcome in outcomes.values()),
    )


def close_absent(work: Work, scope: Scope, arns: Sequence[str], began_on: int) -> Compared:
    """Close findings that their source does not know any more, as of when the run began. As above."""
    ids = [id_of(arn) for arn in arns]
    before = _held(work, scope, ids)
    work.bring_in(
        [finding_state(arn, scope, is_open=False, observed_on=began_on, reason=ABSENT) for arn in arns]
    )
    closed = _closed(before, _held(work, scope, ids))
    return Compared(repaired=closed, closed=closed)


def last_observed(item: Item, source: str) -> int:
    """Say when a finding was last observed (epoch ms): the latest of its source's clock, of a state apart
    from its events, and of its first receipt here."""
    blocks = (item.blocks.get(f"{source}/{name}") for name in (FINDING, STATE))
    return max(item.created_on, *(block.time if block else 0 for block in blocks))


def _held(work: Work, scope: Scope, ids: Collection[str]) -> dict[str, Held]:
    if not ids:
        return {}
    items = work.ports.open.read(ids)
    return dict(_shown(items, scope.source))


def _shown(items: Mapping[str, Item], source: str) -> Iterable[tuple[str, Held]]:
    for id_, item in items.items():
        seen, block = entity(item), item.blocks.get(f"{source}/{FINDING}")
        if seen is not None and block is not None:
            yield id_, Held(seen.properties.get("open") is True, block.time)


def _outcomes(work: Work, answers: Mapping[str, Delivery]) -> dict[str, str]:
    reports = work.bring_in(list(answers.values()))
    return {id_of(report.id): report.outcome for report in reports}


def _closed(before: Mapping[str, Held], after: Mapping[str, Held]) -> int:
    return sum(was.is_open and id_ in after and not after[id_].is_open for id_, was in before.items())


def _is_older(answer: Delivery, held: Held) -> bool:
    """Tell whether a newer event came while the source was asked: then that says how things are."""
    return NEVER < _time_of(answer) < held.time


def _time_of(answer: Delivery) -> int:
    """Give the source's clock in an answer; NEVER for one that was quarantined."""
    try:
        changes = read(answer, test_source=False)
    except EventError:
        return NEVER
    return NEVER if isinstance(changes, Ignored) else changes[0].observation.time
