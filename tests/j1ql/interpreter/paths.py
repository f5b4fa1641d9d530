"""Paths: the steps of a query → every way through them, with the records that names stand for (7 to 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from secgraph.j1ql.nodes import Block, Direction, EntityPattern, Hop, Query, Step
from tests.j1ql.interpreter.filters import World
from tests.j1ql.interpreter.graph import Entity, Record, Relationship
from tests.j1ql.interpreter.selectors import takes

Place = tuple[int, ...]
"""Where a step stands: its number, and inside a block the numbers of the blocks before it."""

Taken = tuple[Place, Relationship, Entity]
"""A hop as taken: its place, over which relationship, to which entity."""


@dataclass(frozen=True)
class Path:
    start: Entity
    current: Entity
    taken: tuple[Taken, ...] = ()
    named: dict[str, Record] = field(default_factory=dict)
    """By alias; by `entity NAME` and `verb NAME` for implicit names."""

    def naming(self, name: str | None, record: Record) -> Path:
        return self if name is None else replace(self, named={**self.named, name: record})


def paths_of(query: Query, world: World) -> list[Path]:
    """All paths, before WHERE."""
    found = [
        Path(entity, entity).naming(name_of(query.start), entity)
        for entity in world.graph.entities
        if takes(query.start, entity, world)
    ]
    found = walk(found, query.steps, (), world)
    trailing = len(query.steps)
    while trailing and isinstance(query.steps[trailing - 1], Block):
        trailing -= 1
    return [path for path in found if not any(goes_further(other, path, trailing) for other in found)]


def goes_further(other: Path, path: Path, trailing: int) -> bool:
    """Whether `other` takes the same hops and more in the blocks at the end, from step `trailing` on."""

    def before(it: Path) -> set[Taken]:
        return {hop for hop in it.taken if hop[0][0] < trailing}

    same = other.start is path.start and before(other) == before(path)
    return same and set(path.taken) < set(other.taken)


def walk(paths: list[Path], steps: Sequence[Step], place: Place, world: World) -> list[Path]:
    for number, step in enumerate(steps):
        here = (*place, number)
        if isinstance(step, Block):
            paths = [*paths, *walk(paths, step.steps, here, world)]
            paths = [path.naming(step.alias, path.current) for path in paths]
        elif step.negated:
            tail = (replace(step, negated=False), *steps[number + 1 :])
            kept = [path for path in paths if not walk([path], tail, here, world)]
            return [surviving(path, tail) for path in kept]
        else:
            paths = [longer for path in paths for longer in hops(path, step, here, world)]
    return paths


def surviving(path: Path, tail: Sequence[Step]) -> Path:
    """An explicit entity alias in what must not exist stands for the entity before the negation."""
    for step in tail:
        if isinstance(step, Block):
            path = surviving(path, step.steps).naming(step.alias, path.current)
        else:
            path = path.naming(step.target.alias, path.current)
    return path


def hops(path: Path, hop: Hop, place: Place, world: World) -> Iterator[Path]:
    """The path, longer by each relationship that fits."""
    for edge in world.graph.relationships:
        if hop.verbs and edge.properties["_class"].upper() not in {verb.upper() for verb in hop.verbs}:
            continue
        leaving, entering = hop.direction is not Direction.IN, hop.direction is not Direction.OUT
        for entity in edge.others(path.current, leaving=leaving, entering=entering):
            if takes(hop.target, entity, world):
                longer = replace(path, current=entity, taken=(*path.taken, (place, edge, entity)))
                yield longer.naming(verb_of(hop), edge).naming(name_of(hop.target), entity)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────


def name_of(pattern: EntityPattern) -> str | None:
    """The alias; else the single class or type, or the smart class alone."""
    if pattern.alias is not None:
        return pattern.alias
    names = pattern.selector.names
    if len(names) == 1 and names[0] != "*":
        return f"entity {names[0]}"
    return f"entity {pattern.selector.smart}" if pattern.selector.smart and not names else None


def verb_of(hop: Hop) -> str | None:
    if hop.alias is not None:
        return hop.alias
    return f"verb {hop.verbs[0].upper()}" if len(hop.verbs) == 1 else None


@dataclass(frozen=True)
class Names:
    """Every name that a query gives, and how often; aliases go before entities, and these before verbs."""

    given: Counter[str]

    @classmethod
    def of(cls, query: Query) -> Names:
        return cls(Counter([name for name in (name_of(query.start), *given(query.steps)) if name]))

    def key(self, selector: str) -> str:
        """The key in `Path.named` of what is written as `selector`."""
        keys = selector, f"entity {selector}", f"verb {selector.upper()}"
        return next(key for key in keys if key in self.given)

    def record(self, selector: str, path: Path) -> Record | None:
        return path.named.get(self.key(selector))

    def bound(self, path: Path) -> dict[str, Record]:
        """Every name that stands for one thing, and what it stands for in this path."""
        words = {key: key.partition(" ")[2] or key for key in self.given}
        clear = [key for key, word in words.items() if self.given[key] == 1 and self.key(word) == key]
        return {words[key]: path.named[key] for key in clear if key in path.named}


def given(steps: Sequence[Step]) -> Iterator[str | None]:
    for step in steps:
        if isinstance(step, Block):
            yield from given(step.steps)
            yield step.alias
        else:
            yield from (verb_of(step), name_of(step.target))
