"""Holders: a part of a query + catalogue → which sorts or verbs it may stand for, and what those have.

Entities are told apart by their sorts, relationships by their verbs: all that the catalogue knows of them.
Whoever is among the holders may have no record that fits; whoever is not has none for certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secgraph.graph.relations import Catalogue, Kind
from secgraph.j1ql.nodes import And, Comparison, EntityPattern, Filter, Hop, Or, Path, Selector
from secgraph.j1ql.server.smart_classes import SmartClasses
from secgraph.j1ql.sql.selectors import ALIASES, matches
from secgraph.j1ql.text.advice import joined
from secgraph.j1ql.warnings.fits import fitting

Bearers = frozenset[int | str]
"""Numbers of sorts, or verbs as stored."""


@dataclass(frozen=True, slots=True)
class Holders:
    """The records that a part of a query may stand for. `subject` is what a sentence calls them:
    `aws_instance`, `ALLOWS relationship`."""

    subject: str
    bearers: Bearers
    catalogue: Catalogue
    are_entities: bool = True

    def kinds(self, property_: str) -> frozenset[Kind]:
        """The kinds of value that any of them has under this name."""
        catalogue = self.catalogue
        held = catalogue.entity_properties if self.are_entities else catalogue.relationship_properties
        return frozenset(kind for kind in held.get(property_, ()) if self._have(property_, kind))

    def properties(self) -> list[str]:
        """The names of all properties that any of them has."""
        return sorted({name for name, kind in self._known if self._have(name, kind)})

    def others(self, property_: str) -> list[str]:
        """The types of entities, or the verbs, that have a property, whether they are among these or not."""
        found = {it for (name, _), bearers in self._known.items() if name == property_ for it in bearers}
        if not self.are_entities:
            return sorted(map(str, found))
        return sorted({sort.type for sort in self.catalogue.sorts if sort.number in found})

    def or_(self, other: Holders) -> Holders:
        """These and the others."""
        if not (self.bearers and other.bearers) or self.bearers == other.bearers:
            return self if self.bearers else other
        bearers = self.bearers | other.bearers
        return Holders(f"{self.subject} or {other.subject}", bearers, self.catalogue, self.are_entities)

    @property
    def _known(self) -> Mapping[tuple[str, Kind], Bearers]:
        return self.catalogue.entity_sorts if self.are_entities else self.catalogue.relationship_verbs

    def _have(self, name: str, kind: Kind) -> bool:
        return not self.bearers.isdisjoint(self._known.get((name, kind), ()))


@dataclass(slots=True)
class Holdings:
    """What the graph holds, and the smart classes that the server defines; each name is looked up once."""

    catalogue: Catalogue
    smart_classes: SmartClasses
    _called: dict[str, Bearers] = field(default_factory=dict)
    _smart: dict[str, Bearers] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the catalogue tells who has what."""
        return bool(self.catalogue.entity_sorts)

    def of_selector(self, selector: Selector) -> Holders:
        """The entities that a selector may match."""
        bearers = self.named(selector)
        if selector.smart is not None:
            bearers &= self.smart(selector.smart)
        return Holders(_subject(selector), bearers, self.catalogue)

    def of_hop(self, hop: Hop) -> Holders:
        """The relationships that a step may follow."""
        wanted = {verb.upper() for verb in hop.verbs}
        verbs = frozenset(it for it in self.catalogue.verbs if not wanted or it.upper() in wanted)
        subject = f"{joined(hop.verbs, 'or')} relationship" if wanted else "relationship"
        return Holders(subject, verbs, self.catalogue, are_entities=False)

    def named(self, selector: Selector) -> Bearers:
        """The sorts that one of the names of a selector is a class or type of; all if it has no names."""
        if not selector.names or "*" in selector.names:
            return frozenset(sort.number for sort in self.catalogue.sorts)
        return frozenset(number for name in selector.names for number in self.called(name))

    def called(self, name: str) -> Bearers:
        """The sorts of a class or type."""
        if name not in self._called:
            self._called[name] = self._found(name)
        return self._called[name]

    def _found(self, name: str) -> Bearers:
        sorts = self.catalogue.sorts
        found = {sort.number for sort in sorts if matches(name, sort)}
        if name in ALIASES:
            stored, property_, _ = ALIASES[name]
            told_apart = self.catalogue.entity_sorts.get((property_, Kind.NUMBER), frozenset())
            found |= told_apart & {sort.number for sort in sorts if sort.type == stored}
        return frozenset(found)

    def tagged(self, name: str) -> Bearers:
        """The sorts that may be `#name` by the list `tags` or the property `tag.name`."""
        known = self.catalogue.entity_sorts
        lists = [known.get(("tags", kind), frozenset()) for kind in (Kind.STRING, Kind.STRINGS)]
        flags = [known.get((f"tag.{name}", kind), frozenset()) for kind in (Kind.BOOLEAN, Kind.BOOLEANS)]
        return frozenset().union(*lists, *flags)

    def smart(self, name: str) -> Bearers:
        """The sorts that may be `#name`, by a tag or by what the server says."""
        if name not in self._smart:
            defined = self.smart_classes.needed(name)[-1:]
            starts = [checked.query.start for each in defined for checked in each.queries]
            self._smart[name] = self.tagged(name).union(*map(self._passing, starts))
        return self._smart[name]

    def _passing(self, pattern: EntityPattern) -> Bearers:
        """The sorts that may match a pattern, its WITH included."""
        holders = self.of_selector(pattern.selector)
        return holders.bearers if pattern.filter is None else self._kept(pattern.filter, holders.bearers)

    def _kept(self, filter_: Filter, bearers: Bearers) -> Bearers:
        if isinstance(filter_, And):
            for item in filter_.items:
                bearers &= self._kept(item, bearers)
            return bearers
        if isinstance(filter_, Or):
            return frozenset().union(*(self._kept(item, bearers) for item in filter_.items))
        return bearers & self._true_for(filter_, bearers)

    def _true_for(self, comparison: Comparison, bearers: Bearers) -> Bearers:
        wanted = fitting(comparison)
        if wanted is None or not isinstance(comparison.left, Path):
            return bearers
        name = comparison.left.property
        return frozenset().union(*(self.catalogue.entity_sorts.get((name, kind), ()) for kind in wanted))


def _subject(selector: Selector) -> str:
    names = [name for name in selector.names if name != "*"]
    smart = [] if selector.smart is None else [str(Selector(smart=selector.smart))]
    if len(names) < len(selector.names):
        names = []
    return " ".join([*smart, joined(names, "or")]).strip() or "entity"
