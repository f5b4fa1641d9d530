"""What the sources of this version bring into the graph: entity types and their classes.

A rule that asks for none of them can never fire, and must say so (`check`). The kinds of things that
ingest states are the one place where this is written down; a test holds them to its fixtures.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from secgraph.ingest import kinds
from secgraph.ingest.kinds import Kind

FED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {kind.type: kind.classes for kind in vars(kinds).values() if isinstance(kind, Kind)}
)

FED_VERBS: Final = frozenset(
    {"CONTAINS", "DEFINES", "EXPLOITS", "HAD", "HAS", "IDENTIFIED", "IS", "PROTECTS", "RUNS", "SCANS", "USES"}
)
"""The classes of the relationships that they bring."""
