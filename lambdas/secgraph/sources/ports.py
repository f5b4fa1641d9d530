"""What the reconcile needs from the outside: the sources' APIs, its own memory, the set of open findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from secgraph.graph.model import Item
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Coverage, Standing


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding as its source answers it: its ARN, the whole answer as JSON text in the spelling of the API,
    and whether the source counts it as open."""

    arn: str
    body: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `next` is what continues it, empty at its end."""

    findings: tuple[Listed, ...]
    next: str


class SourceApi(Protocol):
    """One source in one region, read with one reader's eyes.

    Methods raise SourceError, and its subclass CursorExpired for a `cursor` that the source no longer takes.
    """

    def covered(self) -> Sequence[Coverage]:
        """Tell of which accounts the reader sees the findings here, and whether the source is switched on in
        each: the reader's own account always, and its members if it is an administrator.

        Not switched on is an answer and no error. An answer that was refused or cut off raises SourceError.
        """
        ...

    def page(self, scope: Scope, detector: str, cursor: str) -> Page:
        """List the findings of a scope that are not closed; `cursor` is empty to begin with.

        `detector` is that of the scope's Coverage, through which GuardDuty is asked; empty for Inspector.
        """
        ...

    def again(self, arns: Sequence[str], detector: str) -> Mapping[str, Listed]:
        """Ask for findings one by one, open or not, by ARN. One that the source does not know is left out.
        `detector` may be empty where GuardDuty has none: then it knows none."""
        ...


class Sources(Protocol):
    """The APIs of the sources, by reader and region."""

    def api(self, source: str, reader: Reader, region: str) -> SourceApi:
        """Give the API. Raises SourceError where the reader's role cannot be taken on."""
        ...


class LedgerStore(Protocol):
    """Keeps one Standing for each scope. Methods raise StoreError."""

    def all(self) -> Iterable[Standing]:
        """Read every standing, consistently."""
        ...

    def read(self, scope: Scope) -> Standing | None:
        """Read one, consistently."""
        ...

    def write(self, standing: Standing) -> bool:
        """Put a standing if the stored `rev` is `standing.rev - 1` (none stored counts as 0); False if
        another was faster."""
        ...


class SeenFindings(Protocol):
    """Remembers which findings a run has listed, until it has ended. Methods raise StoreError."""

    def add(self, run: str, part: int, ids: Sequence[str]) -> None:
        """Keep the `_id`s of one part of a run; the same part again replaces it."""
        ...

    def all(self, run: str) -> Set[str]:
        """Give the `_id`s of all parts of a run."""
        ...

    def forget(self, run: str) -> None:
        """Remove the parts of a run; none is no error."""
        ...


@dataclass(frozen=True, slots=True)
class OpenPage:
    """`_id`s of open findings. `next` is what continues the list, empty at its end."""

    ids: tuple[str, ...]
    next: str


class OpenFindings(Protocol):
    """The graph's open findings by scope (graph/open_set.py), and the items behind them.

    Methods raise StoreError.
    """

    def upgraded(self) -> bool:
        """Tell whether the set holds what versions of secgraph wrote that knew of none. If it does not, this
        takes one step of a few seconds that brings it nearer, and is to be called again: until it is true,
        findings may be missing from `open_ids`. That it is true is remembered."""
        ...

    def open_ids(self, scope: Scope, bucket: int, cursor: str) -> OpenPage:
        """List one bucket (graph/open_set.BUCKETS) of a scope; `cursor` is empty to begin with. What was
        written within the last seconds may be missing, or still be there."""
        ...

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Read items, consistently; a missing one is left out."""
        ...
