"""Scopes: Query → every name it gives to an entity, a relationship or a block (j1ql.md section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from secgraph.errors import Position, QueryError
from secgraph.j1ql.nodes import Block, EntityPattern, Hop, Query, Selector, Step
from secgraph.j1ql.text.advice import listed, near, nearest, short

MAX_LISTED = 10
"""Most names that an error lists."""


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


@dataclass(slots=True)
class Scope:
    """Aliases win over implicit names, names of entities over verbs; verbs are kept in capitals.

    `negated` holds the names given inside a negated tail, where no record is; `renamed` the alias of every
    class and type that could be named by itself, had it none.
    """

    query: Query
    aliases: dict[str, Target] = field(default_factory=dict)
    implicit: dict[str, list[Target]] = field(default_factory=dict)
    verbs: dict[str, list[Target]] = field(default_factory=dict)
    negated: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    _hops: int = 0
    _blocks: int = 0

    @classmethod
    def of(cls, query: Query) -> Scope:
        """Collect the names of `query`. Raises QueryError DUPLICATE."""
        scope = cls(query)
        start = Target(What.ENTITY, 0)
        scope._entity(query.start, start, None)
        scope._steps(query.steps, start, None)
        return scope

    def _steps(self, steps: tuple[Step, ...], current: Target, origin: Target | None) -> None:
        """`origin` is the entity a negation started from, None outside of negated tails."""
        for step in steps:
            if isinstance(step, Block):
                current = self._block(step, current, origin)
                continue
            origin = current if step.negated and origin is None else origin
            current = self._hop(step, origin)

    def _block(self, block: Block, current: Target, origin: Target | None) -> Target:
        self._blocks += 1
        target = Target(What.BLOCK, self._blocks)
        self._steps(block.steps, current, origin)
        if block.alias:
            self._alias(block.alias, block.alias_at, origin or target, origin)
        return target

    def _hop(self, hop: Hop, origin: Target | None) -> Target:
        self._hops += 1
        target = Target(What.ENTITY, self._hops)
        bound = Target(What.RELATIONSHIP if origin is None else What.NOTHING, self._hops)
        if hop.alias:
            self._alias(hop.alias, hop.alias_at, bound, origin)
        elif len(hop.verbs) == 1:
            self._implicit(self.verbs, hop.verbs[0], bound, origin)
        self._entity(hop.target, target, origin)
        return target

    def _entity(self, entity: EntityPattern, target: Target, origin: Target | None) -> None:
        name = implicit_name(entity.selector)
        if entity.alias:
            self._alias(entity.alias, entity.alias_at, origin or target, origin)
            self.renamed.setdefault(name or "", entity.alias)
        elif name:
            bound = target if origin is None else Target(What.NOTHING, target.number)
            self._implicit(self.implicit, name, bound, origin)

    def _alias(self, name: str, at: Position, target: Target, origin: Target | None) -> None:
        if name in self.aliases:
            message = f"The alias {name} is given twice; every alias needs a name of its own."
            raise QueryError("DUPLICATE", message, at, expected="another alias")
        self.aliases[name] = target
        if origin:
            self.negated.add(name)

    def _implicit(
        self, names: dict[str, list[Target]], name: str, target: Target, origin: Target | None
    ) -> None:
        names.setdefault(name, []).append(target)
        if origin:
            self.negated.add(name)

    # ── looking up ────────────────────────────────────────────────────────────────────────────────────

    def bound(self) -> dict[str, Target]:
        """Every name that means one thing, verbs in capitals; entities before verbs."""
        verbs = {name: found for name, found in self.verbs.items() if name not in self.implicit}
        single = {name: found[0] for name, found in (self.implicit | verbs).items() if len(found) == 1}
        return self.aliases | {name: target for name, target in single.items() if name not in self.aliases}

    def known(self, name: str) -> bool:
        """Whether something is called so, if only ambiguously."""
        return name in self.aliases or name in self.implicit or name.upper() in self.verbs

    def is_negated(self, name: str) -> bool:
        """Whether a known name is given inside a negated tail."""
        is_verb = name not in self.aliases and name not in self.implicit
        return (name.upper() if is_verb else name) in self.negated

    def find(self, name: str, at: Position, attribute: str = "") -> Target:
        """What `name` stands for. `attribute` is the property asked of it, for the advice.

        Raises QueryError NAME or AMBIGUOUS at the name.
        """
        here = Position(at.line, at.column, len(name))
        if name in self.aliases:
            return self.aliases[name]
        found = self.implicit.get(name) or self.verbs.get(name.upper())
        if not found:
            close = nearest(name, self.names())
            instead = close or self._alias_of(name, attribute) or self._respelt(name, attribute)
            raise self.unknown(name, here, instead)
        if len(found) > 1:
            message = f"{name} stands for {len(found)} parts of this query."
            suggestion = f"give each {name} an alias with AS"
            raise QueryError("AMBIGUOUS", message, here, expected="an alias", suggestion=suggestion)
        return found[0]

    def names(self) -> list[str]:
        """Every name that may be used, aliases first, then implicit names as written, then verbs."""
        return list(dict.fromkeys([*self.aliases, *self.implicit, *self.verbs]))

    def first(self) -> str:
        """The name of the start entity, or of the first entity that has one; else empty."""
        return (
            self.query.start.alias or implicit_name(self.query.start.selector) or next(iter(self.names()), "")
        )

    def unknown(self, name: str, at: Position, suggestion: str) -> QueryError:
        """The error at a name that nothing has; it lists those there are, nearest first."""
        names = self.names()
        close = near(name, names)
        valid = [short(it) for it in (*close, *(other for other in names if other not in close))][:MAX_LISTED]
        message = f"This query names nothing {short(name)}"
        message += f"; it names {', '.join(valid)}." if valid else "; give its entities aliases with AS."
        return QueryError("NAME", message, at, expected=listed(valid) or "an alias", suggestion=suggestion)

    def _alias_of(self, name: str, attribute: str) -> str:
        """A class that has an alias is named by that."""
        alias = self.renamed.get(name, "")
        return f"{alias}.{attribute}" if alias and attribute else alias

    def _respelt(self, name: str, attribute: str) -> str:
        """`User.name, or FIND User AS u`: the first selector in place of an unknown one."""
        first, start = self.first(), self.query.start
        own = f"{name}.{attribute}" if name.lower() == "tag" and attribute else attribute
        instead = f"{first}.{own}" if own and first else first
        aliased = "" if start.alias or own != attribute else f"FIND {start.selector} AS {name}"
        return ", or ".join(part for part in (instead, aliased) if part)


def implicit_name(selector: Selector) -> str | None:
    """The name by which a selector without AS can be referred to: its single class or type, or its smart
    class; None for `*`, unions and full text."""
    if len(selector.names) == 1 and selector.names[0] != "*":
        return selector.names[0]
    return selector.smart if not selector.names else None
