"""Paths into what is told: which rows want one, and the alert and its transitions with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from secgraph.alerts.digest import Digest, digest, worst_first
from secgraph.alerts.state import AlertState
from secgraph.alerts.transition import Transition
from secgraph.rules.rows import Row


def unwitnessed(heard: Sequence[Transition]) -> list[int]:
    """Name by hash the rows that are about to be told without a path: of each transition the worst first."""
    layers = zip_longest(*(each.shown for each in heard if each.listed))
    rows = [row for layer in layers for row in sorted(filter(None, layer), key=_worst)]
    return list(dict.fromkeys(row.hash for row in rows if isinstance(row, Row) or not row.path))


def witnessed(
    state: AlertState, heard: Sequence[Transition], paths: Mapping[int, str]
) -> tuple[AlertState, tuple[Transition, ...]]:
    """Give both with the paths, by hash of the row, in their digests."""
    if not paths:
        return state, tuple(heard)
    kept = {each.hash: _with(each, paths) for each in state.rows}

    def shown(row: Row | Digest, on: int) -> Row | Digest:
        if row.hash not in paths:
            return row
        return kept.get(row.hash) or _with(row if isinstance(row, Digest) else digest(row, on), paths)

    told = tuple(replace(each, shown=tuple(shown(row, each.on) for row in each.shown)) for each in heard)
    return replace(state, rows=tuple(kept.values())), told


def _worst(row: Row | Digest) -> tuple[float, str, int]:
    return worst_first(row) if isinstance(row, Row) else (-(row.score or 0.0), row.title, row.hash)


def _with(kept: Digest, paths: Mapping[int, str]) -> Digest:
    path = paths.get(kept.hash)
    return kept if path is None else replace(kept, path=path)
