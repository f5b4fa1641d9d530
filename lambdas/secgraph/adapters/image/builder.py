"""A base and rows laid over it → the next base, in new files and such as stay. In: rows. Out: a Base.

    rows ─Relations.apply→ delta tables ─┬ edge_groups   ─→ groups of relationships ┐
                                         ├ entity_parts  ─→ parts of entities       ├→ Base
                                         └ nodes         ─→ nodes                   ┘

Memory is bounded: DuckDB keeps to a limit and puts what is beyond it into files; a part is made at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import duckdb

from secgraph.adapters.image.base_tables import CachedBase
from secgraph.adapters.image.cached import local_files
from secgraph.adapters.image.edge_groups import Edges, write_relationships
from secgraph.adapters.image.entity_parts import Written, write_entities
from secgraph.adapters.image.nodes import next_ordinals, write_nodes
from secgraph.adapters.image.selects import Selects
from secgraph.adapters.image.stored_documents import StoredDocuments
from secgraph.adapters.image.work_folder import work_folder
from secgraph.adapters.image.workshop import Workshop
from secgraph.adapters.relations.catalogue import DERIVED_COLUMNS, kinds_by_name
from secgraph.adapters.relations.relations import Relations
from secgraph.errors import StoreError, StoreTooLarge
from secgraph.graph.relations import Catalogue, Kind, column, property_and_kind
from secgraph.image.base import Base
from secgraph.image.names import base_folder
from secgraph.image.ports import ObjectStore
from secgraph.image.rows import ItemRow

MEMORY: Final = "900MB"
"""Of DuckDB. Python and what DuckDB does not count take about half as much again."""
_PACKING: Final = 2
"""Threads that pack documents."""


class ParquetBuilder:
    """Builds bases in `store`. `work` is a folder for what is fetched of the base before, for files on their
    way and for what exceeds `memory` (of DuckDB, as it reads sizes)."""

    def __init__(self, store: ObjectStore, work: Path, *, memory: str = MEMORY) -> None:
        self._store = store
        self._work = work
        self._memory = memory

    def build(
        self,
        base: Base | None,
        deltas: Iterable[Sequence[ItemRow]],
        *,
        generation: int,
        now: int,
        token: str,
    ) -> Base:
        """Lay rows over a base, in their order, and write what changed as new files under
        `names.base_folder(generation, token)`; what stayed as it was keeps its files.

        Raises ObjectMissing or ObjectDamaged for a file of the base, StoreUnavailable for what may pass,
        StoreError if memory or disk do not suffice.
        """
        try:
            return self._build(base, deltas, generation, now, base_folder(generation, token))
        except (duckdb.Error, OSError, StoreTooLarge) as error:
            raise StoreError(self._explained(error)) from error

    def _explained(self, error: Exception) -> str:
        reason = str(error).partition("\n")[0].removesuffix(".") or type(error).__name__
        first = f"The next base of the graph image could not be made: {reason}"
        if isinstance(error, duckdb.OutOfMemoryException | StoreTooLarge):
            return f"{first}. Give it more memory than {self._memory}, or more room in {self._work}."
        if isinstance(error, OSError | duckdb.IOException):
            return f"{first}. Look after the room on the disk of {self._work} and its permissions."
        return f"{first}. If that happens again, make the image again with `secgraph image rebuild`."

    def _build(
        self, base: Base | None, deltas: Iterable[Sequence[ItemRow]], generation: int, now: int, prefix: str
    ) -> Base:
        files = local_files(self._store, self._work / "base")
        with (
            ExitStack() as stack,
            work_folder(self._work) as folder,
            closing(self._connected(folder)) as connection,
            ThreadPoolExecutor(_PACKING) as pool,
        ):
            before = None if base is None else stack.enter_context(closing(CachedBase(base, files)))
            relations = Relations(connection, before)
            for rows in deltas:
                relations.apply(rows)
            shop = Workshop(
                connection,
                base,
                Selects(files),
                StoredDocuments(files),
                self._store,
                folder,
                prefix,
                pool,
            )
            return _built(shop, relations.catalogue(), generation, now)

    def _connected(self, folder: Path) -> duckdb.DuckDBPyConnection:
        spilled = str(folder / "spilled")
        return duckdb.connect(":memory:", config={"memory_limit": self._memory, "temp_directory": spilled})


def _built(shop: Workshop, known: Catalogue, generation: int, now: int) -> Base:
    edges = write_relationships(shop, known)
    nodes = write_nodes(shop, now)
    written = write_entities(shop, known)
    return Base(
        generation=generation,
        made_on=now,
        catalogue=_catalogue(known, written, edges),
        ordinals=next_ordinals(shop),
        nodes=nodes,
        entities=tuple([it.part for it in written]),
        relationships=tuple(edges.groups),
    )


def _catalogue(known: Catalogue, written: Sequence[Written], edges: Edges) -> Catalogue:
    """Leave out of what is known what was found to be there no more. Sorts stay: ids are made of them."""
    derived = {
        pair: verbs & edges.verbs
        for pair, verbs in known.relationship_verbs.items()
        if column(*pair) in DERIVED_COLUMNS
    }
    verbs = _bearers(edges.borne.items())
    relationship_verbs = {
        pair: verbs.get(pair, frozenset()) | derived.get(pair, frozenset()) for pair in {*verbs, *derived}
    }
    relationship_verbs = {pair: verbs for pair, verbs in relationship_verbs.items() if verbs}
    entity_sorts = _bearers(borne for it in written for borne in it.borne.items())
    return Catalogue(
        sorts=known.sorts,
        entity_properties=kinds_by_name(entity_sorts),
        verbs=frozenset(edges.verbs),
        relationship_properties=kinds_by_name(relationship_verbs),
        entity_sorts=entity_sorts,
        relationship_verbs=relationship_verbs,
        links=frozenset().union(*[group.links for group in edges.groups if group.links is not None]),
        deleted=frozenset().union(*[it.deleted for it in written]),
        sizes=edges.sizes,
    )


def _bearers(borne: Iterable[tuple[Any, Iterable[str]]]) -> dict[tuple[str, Kind], frozenset[Any]]:
    found: dict[tuple[str, Kind], set[Any]] = {}
    for bearer, names in borne:
        for name in names:
            found.setdefault(property_and_kind(name), set()).add(bearer)
    return {pair: frozenset(bearers) for pair, bearers in found.items()}
