"""Names: Query → Checked. Every name in WHERE, RETURN, HAVING and ORDER BY is tied to what it means.

Hops are numbered 1, 2, … in the order they are written, blocks and negated tails included; the start
entity is number 0. Hop n brings relationship n and entity n. Blocks are numbered 1, 2, … on their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from secgraph.j1ql.nodes import Query


class What(Enum):
    """What a name stands for."""

    ENTITY = "entity"
    RELATIONSHIP = "relationship"
    BLOCK = "block"
    NOTHING = "nothing"
    """A relationship alias or an implicit name inside a negated tail: always undefined."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a name stands for: entity n, relationship n or block n. An explicit entity alias in a negated
    tail is already replaced by the entity that the negation started from (j1ql.md section 8)."""

    what: What
    number: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A query whose names are all known and unambiguous. `scope` is keyed by the name as written in the
    query (verbs in the spelling used)."""

    query: Query
    scope: Mapping[str, Target]
