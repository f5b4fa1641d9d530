"""Reduction: a question that shows a disagreement → a smaller one that still does, for people to read.

(Hypothesis would shrink the bytes that everything is chosen by, which takes minutes and knows no query.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from secgraph.errors import QueryError
from secgraph.j1ql import nodes, parse
from tests.j1ql.strategies.graphs import Graph
from tests.j1ql.strategies.queries import Questions

TRIES = 400
OPTIONAL = {"alias", "where", "returns", "having", "skip", "limit", "filter", "name"}
NEEDED = {"_id", "_key", "_type", "_class", "_from", "_to"}


def reduced(question: Questions, disagrees: Callable[[Questions], bool]) -> Questions:
    """Drop what can be dropped, one thing at a time; `question` has one text."""
    left = TRIES
    candidates = smaller(question)
    while left and (candidate := next(candidates, None)) is not None:
        left -= 1
        if disagrees(candidate):
            question, candidates = candidate, smaller(candidate)
    return question


def smaller(question: Questions) -> Iterator[Questions]:
    for text in texts(question.texts[0]):
        yield replace(question, texts=[text])
    if question.include_deleted:
        yield replace(question, include_deleted=False)
    if question.row_metadata:
        yield replace(question, row_metadata=False)
    for graph in graphs(question.graph):
        yield replace(question, graph=graph)


# ── smaller graphs ────────────────────────────────────────────────────────────────────────────────────


def graphs(graph: Graph) -> Iterator[Graph]:
    for part in ("relationships", "entities"):
        records = getattr(graph, part)
        for place, record in enumerate(records):
            yield replace(graph, **{part: [*records[:place], *records[place + 1 :]]})
            for name in record.keys() - NEEDED:
                bare = {kept: value for kept, value in record.items() if kept != name}
                yield replace(graph, **{part: [*records[:place], bare, *records[place + 1 :]]})


# ── smaller queries ───────────────────────────────────────────────────────────────────────────────────


def texts(text: str) -> Iterator[str]:
    """Shorter queries that parse. Whether their names are known, asking will tell."""
    seen = {text}
    for node in parts_dropped(parse(text)):
        shorter = str(node)
        if len(shorter) < len(text) and shorter not in seen:
            seen.add(shorter)
            try:
                parse(shorter)
            except QueryError:
                continue
            yield shorter


def parts_dropped(node: Any) -> Iterator[Any]:
    """The node with one thing less in it, the largest things first."""
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name in OPTIONAL and value is not None:
            yield replace(node, **{field.name: None})
        if isinstance(value, tuple):
            for place in range(len(value)):
                yield replace(node, **{field.name: (*value[:place], *value[place + 1 :])})
    if isinstance(node, nodes.And | nodes.Or | nodes.AllOf | nodes.AnyOf):
        yield from node.items
    elif isinstance(node, nodes.Call):
        yield from node.arguments
    elif isinstance(node, nodes.Arithmetic | nodes.Negative):
        yield from (getattr(node, name) for name in ("left", "right", "operand") if hasattr(node, name))
    yield from inside(node)


def inside(node: Any) -> Iterator[Any]:
    """The node with one thing less in one of its parts."""
    for field in fields(node):
        value = getattr(node, field.name)
        if is_dataclass(value):
            for less in parts_dropped(value):
                yield replace(node, **{field.name: less})
        elif isinstance(value, tuple):
            for place, item in enumerate(value):
                if is_dataclass(item):
                    for less in parts_dropped(item):
                        yield replace(node, **{field.name: (*value[:place], less, *value[place + 1 :])})
