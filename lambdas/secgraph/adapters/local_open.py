"""The set of open findings in the local graph file: the items themselves, looked through each time.

An index would slow every write down for a list that is asked for once a run; the file of any version is
complete as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from secgraph.adapters.local_graph import LocalGraph
from secgraph.graph.model import Item
from secgraph.graph.open_set import SOURCES, index_key, open_in
from secgraph.sources.ports import OpenPage
from secgraph.sources.scope import Scope

LOOKED_AT_ONCE: Final = 1_000
_TYPES: Final = {source: type_ for type_, source in SOURCES.items()}


class LocalOpenFindings:
    """OpenFindings over a local graph."""

    def __init__(self, graph: LocalGraph) -> None:
        self._graph = graph

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        """Give the stored items among these ids."""
        return self._graph.read(ids)

    def upgraded(self) -> bool:
        """Tell that there is nothing to bring up to date."""
        return True

    def open_ids(self, scope: Scope, bucket: int, cursor: str) -> OpenPage:
        """List one bucket of a scope. A page holds those of up to 1,000 findings that are open in it."""
        key = index_key(scope.source, scope.account, scope.region, bucket)
        found = self._graph.items_that_say(
            [f'"type":"{_TYPES[scope.source]}"', f'"accountId":"{scope.account}"'],
            start=f"{bucket:x}",
            after=cursor,
            limit=LOOKED_AT_ONCE,
        )
        ids = tuple(item.thing.id for item in found if open_in(item) == key)
        return OpenPage(ids, found[-1].thing.id if len(found) == LOOKED_AT_ONCE else "")
