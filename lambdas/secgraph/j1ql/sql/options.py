"""Options: how a query is asked. In: what the asker wants. Out: a frozen value that the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is asked. `size` is the length of the page, None for everything."""

    include_deleted: bool = False
    row_metadata: bool = False
    offset: int = 0
    size: int | None = None


WHOLE = Options()
"""The whole result, without metadata and what is deleted."""
