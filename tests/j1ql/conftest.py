"""Readers over drawn graphs: every kind in turn, or one in memory for many small graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Final

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.graph.ports import GraphReader
from tests.j1ql.readers import READERS, in_memory

AT_ONCE: Final = ("in memory", "base and deltas")
"""What the fast tests ask: the least there is, and what the functions on AWS have. The others hold the same
rows in files, and are asked by the thorough ones."""

Draw = Callable[..., DuckDBReader]
DrawOnEach = Callable[..., GraphReader]


@pytest.fixture(scope="session")
def briefly() -> Callable[..., AbstractContextManager[DuckDBReader]]:
    """Give a function from a drawn graph to a reader in memory, for tests that draw many graphs."""
    return in_memory


@pytest.fixture(scope="module")
def draw() -> Iterator[Draw]:
    """Give a function from a drawn graph to a reader in memory that stays open for the module."""
    with ExitStack() as stack:
        yield lambda entities, relationships=(): stack.enter_context(in_memory(entities, relationships))


@pytest.fixture(
    scope="session",
    params=[it if it in AT_ONCE else pytest.param(it, marks=pytest.mark.thorough) for it in READERS],
)
def draw_on_each(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DrawOnEach]:
    """Give, for each kind of reader, a function from a drawn graph to a reader open for the session."""
    with ExitStack() as stack:

        def draw(entities, relationships=()):
            folder = tmp_path_factory.mktemp("graph")
            return stack.enter_context(READERS[request.param](entities, relationships, folder))

        yield draw
