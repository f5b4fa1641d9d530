"""CLOSING: what is open here and was not listed → asked for again → open, or closed as absent.

    OpenFindings.open_ids, bucket by bucket ─less what was seen─read→ Item… ─observed before the run─again→
        answered: compared.bring_answers      absent: compared.close_absent

It begins only once the listing came to its end. The index of open findings is behind by moments, so the items
themselves are read before anything is closed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from secgraph.flows.compared import Compared, bring_answers, close_absent, last_observed
from secgraph.flows.listing import PAGES_TOLD
from secgraph.flows.reconciling import Work
from secgraph.graph.model import Item
from secgraph.graph.open_set import BUCKETS, bucket_of, index_key, open_in
from secgraph.sources.ports import SourceApi
from secgraph.sources.scope import Scope
from secgraph.sources.standing import Run, Standing

ASKED_AT_ONCE: Final = 50
"""As many as GetFindings takes."""
SKEW_MS: Final = 5 * 60_000
"""How far the clocks of a source and of this program may be apart."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the open set a run stands, written `BUCKET:CURSOR`."""

    bucket: int
    cursor: str = ""

    @classmethod
    def of(cls, text: str) -> _Place:
        bucket, _, cursor = text.partition(":")
        return cls(int(bucket), cursor)

    @property
    def text(self) -> str:
        return f"{self.bucket}:{self.cursor}"

    def after(self, cursor: str) -> _Place:
        return _Place(self.bucket, cursor) if cursor else _Place(self.bucket + 1)


def buckets(work: Work, api: SourceApi, standing: Standing, run: Run) -> Iterator[Run]:
    """Go through the open set from where the run stands; each run that is given is to be kept before going
    on. Raises SourceError and StoreError."""
    while not run.cursor and not work.ports.open.upgraded():
        yield run  # nothing is to be kept but the lease; and the time may be up
    seen = work.ports.seen.all(run.id)
    if not run.cursor:
        run = _counted_once(run, len(seen))
        yield run
    place = _Place.of(run.cursor)
    while place.bucket < BUCKETS:
        page = work.ports.open.open_ids(standing.scope, place.bucket, place.cursor)
        unseen = [id_ for id_ in page.ids if id_ not in seen]
        place = place.after(page.next)
        run = yield from _asked(work, api, standing, run, unseen, place)


def _counted_once(run: Run, seen: int) -> Run:
    """Begin with the first bucket. What changed while it was listed may have been listed twice: `seen` is how
    many different findings there were."""
    twice = max(0, run.at_source - seen)
    return replace(run, cursor=_Place(0).text, at_source=run.at_source - twice, held=max(0, run.held - twice))


def _asked(
    work: Work, api: SourceApi, standing: Standing, run: Run, unseen: Sequence[str], after: _Place
) -> Generator[Run, None, Run]:
    """Ask for those of one page that nothing was observed of since the run began.

    What was closed is counted as soon as it is, since it is not open if this is repeated; what is open is
    counted once at the end of the page, since it is asked for again then.
    """
    still, batches = Compared(), 0
    for start in range(0, len(unseen), ASKED_AT_ONCE):
        arns = _stale(work, standing.scope, unseen[start : start + ASKED_AT_ONCE], run)
        if not arns:
            continue
        known, gone = _again(work, api, standing, arns, run)
        run = replace(
            run,
            repaired=run.repaired + known.repaired + gone.repaired,
            closed=run.closed + known.closed + gone.closed,
            asked_on=work.clock(),
        )
        still, batches = still.with_more(known), batches + 1
        if batches % PAGES_TOLD == 0:
            work.tell(f"{standing.scope.key}: asking again for what was not listed, {run.closed:,} closed")
        yield run
    run = replace(
        run,
        cursor=after.text,
        at_source=run.at_source + len(still.open_ids),
        held=run.held + still.held,
        quarantined=run.quarantined + still.quarantined,
        asked_on=work.clock(),
    )
    yield run
    return run


def _again(
    work: Work, api: SourceApi, standing: Standing, arns: Sequence[str], run: Run
) -> tuple[Compared, Compared]:
    """Ask for some findings: bring in those that the source knows, close the others."""
    asked_on = work.clock()
    answered = api.again(arns, standing.detector)
    found = [answered[arn] for arn in arns if arn in answered]
    absent = [arn for arn in arns if arn not in answered]
    known = bring_answers(work, standing.scope, found, asked_on=asked_on, received_on=run.asked_on)
    return known, close_absent(work, standing.scope, absent, run.began_on)


def _stale(work: Work, scope: Scope, ids: Sequence[str], run: Run) -> list[str]:
    """Give the ARNs of those that still show open in the scope and that nothing was observed of since the run
    began. What came in the middle of the run may come too late for its listing."""
    items = work.ports.open.read(ids)
    return [item.thing.key for item in items.values() if _is_stale(item, scope, run)]


def _is_stale(item: Item, scope: Scope, run: Run) -> bool:
    key = index_key(scope.source, scope.account, scope.region, bucket_of(item.thing.id))
    return open_in(item) == key and last_observed(item, scope.source) < run.began_on - SKEW_MS
