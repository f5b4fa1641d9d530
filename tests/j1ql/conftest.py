"""Graphs drawn as plain dictionaries, and a reader over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import duckdb
import pytest

from secgraph.adapters.duckdb_reader import DuckDBReader, lock_down
from secgraph.adapters.duckdb_relations import Expansion, Relations
from secgraph.graph.model import Entity, Relationship, Value

Drawn = Mapping[str, Any]
Draw = Callable[..., DuckDBReader]


def properties(drawn: Drawn) -> dict[str, Value]:
    """Lists become tuples; `_from` and `_to` are ends and no properties."""
    kept = {name: value for name, value in drawn.items() if name not in ("_from", "_to")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}


def expansions(entities: Sequence[Drawn], relationships: Sequence[Drawn]) -> list[Expansion]:
    """Each entity owns the relationships that leave it; ends that are not drawn own theirs too."""
    owned: dict[str, list[Relationship]] = {}
    for it in relationships:
        owned.setdefault(it["_from"], []).append(Relationship(it["_from"], it["_to"], properties(it)))
    drawn = {it["_id"]: Entity(properties(it)) for it in entities}
    return [(id_, drawn.get(id_), owned.get(id_, ())) for id_ in {**drawn, **owned}]


@contextmanager
def opened(entities: Sequence[Drawn], relationships: Sequence[Drawn] = ()) -> Iterator[DuckDBReader]:
    """Open a locked-down reader over a drawn graph."""
    with duckdb.connect(":memory:") as connection:
        relations = Relations(connection)
        relations.create()
        relations.replace(expansions(entities, relationships))
        lock_down(connection)
        yield DuckDBReader(connection, relations)


@pytest.fixture(scope="session")
def briefly() -> Callable[..., AbstractContextManager[DuckDBReader]]:
    """Give `opened`, for tests that draw many graphs."""
    return opened


@pytest.fixture(scope="module")
def draw() -> Iterator[Draw]:
    """Give a function from a drawn graph to a reader that stays open for the module."""
    with ExitStack() as stack:
        yield lambda entities, relationships=(): stack.enter_context(opened(entities, relationships))
