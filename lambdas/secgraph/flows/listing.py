"""LISTING: what a source lists of a scope → graph, page by page.

    SourceApi.page ─compared.bring_answers→ graph ─SeenFindings.add→ Run, to be kept before the next page

A run that is cut off anywhere repeats at most one page. A source that has forgotten where the listing stood
makes it begin anew, a few times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from secgraph.errors import CursorExpired
from secgraph.flows.compared import bring_answers
from secgraph.flows.reconciling import Work
from secgraph.sources.ports import Page, SourceApi
from secgraph.sources.standing import Phase, Run, Standing, State
from secgraph.sources.turns import listed_anew

PAGES_TOLD: Final = 10
"""One line for so many pages."""


def pages(work: Work, api: SourceApi, standing: Standing, run: Run) -> Iterator[Run]:
    """List from where the run stands to the end; each run that is given is to be kept before going on.

    Raises SourceError, CursorExpired if the listing was begun anew too often, and StoreError.
    """
    while run.phase is Phase.LISTING:
        asked_on = work.clock()
        try:
            page = _page(api, standing, run.cursor)
        except CursorExpired:
            again = listed_anew(run)
            if again is None:
                raise
            run = again
        else:
            run = _listed(work, standing, run, page, asked_on)
        run = replace(run, asked_on=work.clock())
        yield run


def _page(api: SourceApi, standing: Standing, cursor: str) -> Page:
    """Ask for a page. Where a source is off and there is no detector left to ask, nothing is listed."""
    if standing.state is State.OFF and not standing.detector:
        return Page((), "")
    return api.page(standing.scope, standing.detector, cursor)


def _listed(work: Work, standing: Standing, run: Run, page: Page, asked_on: int) -> Run:
    done = bring_answers(work, standing.scope, page.findings, asked_on=asked_on, received_on=run.asked_on)
    if done.open_ids:
        work.ports.seen.add(run.id, run.parts, done.open_ids)
    listed = replace(
        run,
        phase=Phase.LISTING if page.next else Phase.CLOSING,
        cursor=page.next,
        parts=run.parts + 1,
        at_source=run.at_source + len(done.open_ids),
        held=run.held + done.held,
        repaired=run.repaired + done.repaired,
        closed=run.closed + done.closed,
        quarantined=run.quarantined + done.quarantined,
    )
    if listed.parts % PAGES_TOLD == 0:
        work.tell(f"{standing.scope.key}: {listed.at_source:,} listed, {listed.repaired:,} repaired")
    return listed
