"""What a graph holds, while rows are laid over it. In: sorts, columns, links as they come. Out: a Catalogue.

What is gone may still be listed: a catalogue says what a statement may find, and never too little.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Final, TypeVar

from secgraph.graph.edges import DERIVED
from secgraph.graph.relations import Catalogue, Kind, Link, Sort, column, property_and_kind

DERIVED_COLUMNS: Final = tuple(column(name, Kind.STRING) for name in DERIVED)
"""Columns of a relationship that follow from its ends, in the order of DERIVED."""

Property = tuple[str, Kind]
_Bearer = TypeVar("_Bearer", bound=Hashable)


class Draft:
    """A catalogue that grows. The one it began with stays as it is; `frozen` gives it back while nothing
    new has come."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._sorts = {(sort.type, sort.classes): sort.number for sort in catalogue.sorts}
        self._entity_sorts: dict[Property, frozenset[int]] = dict(catalogue.entity_sorts)
        self._relationship_verbs: dict[Property, frozenset[str]] = dict(catalogue.relationship_verbs)
        self._links = catalogue.links
        self._deleted = catalogue.deleted

    def sort(self, type_: str, classes: tuple[str, ...]) -> int:
        """Give the number of a combination of type and classes; a new one gets the next."""
        known = self._sorts.get((type_, classes))
        if known is None:
            known = self._sorts[type_, classes] = 1 + max(self._sorts.values(), default=-1)
        return known

    def add_deleted(self, sorts: Iterable[int]) -> None:
        """Note that entities of these sorts are soft-deleted."""
        self._deleted |= frozenset(sorts)

    def add_links(self, links: Iterable[Link]) -> None:
        """Note that relationships lead so."""
        self._links |= frozenset(links)

    def add_entity_columns(self, borne: Mapping[int, Collection[str]]) -> None:
        """Note which columns entities of a sort have."""
        _add(self._entity_sorts, borne)

    def add_relationship_columns(self, borne: Mapping[str, Collection[str]]) -> None:
        """Note which columns relationships of a verb have, apart from those that follow from their ends."""
        _add(self._relationship_verbs, borne)

    def add_verbs(self, verbs: Iterable[str], *, derived: bool) -> None:
        """Note relationships of these verbs: `derived` ones have what follows from their ends."""
        columns = DERIVED_COLUMNS if derived else (column("_class", Kind.STRING),)
        _add(self._relationship_verbs, dict.fromkeys(verbs, columns))

    def frozen(self) -> Catalogue:
        """Give what is known."""
        verbs = frozenset(verb for bearers in self._relationship_verbs.values() for verb in bearers)
        grown = Catalogue(
            tuple(Sort(number, type_, classes) for (type_, classes), number in self._sorts.items()),
            kinds_by_name(self._entity_sorts),
            self._catalogue.verbs | verbs,
            kinds_by_name(self._relationship_verbs),
            self._entity_sorts,
            self._relationship_verbs,
            self._links,
            self._deleted,
            self._catalogue.sizes,
        )
        return self._catalogue if grown == self._catalogue else grown


def _add(held: dict[Property, frozenset[_Bearer]], borne: Mapping[_Bearer, Collection[str]]) -> None:
    for bearer, columns in borne.items():
        for name in columns:
            property_ = property_and_kind(name)
            known = held.get(property_, frozenset())
            if bearer not in known:
                held[property_] = known | {bearer}


def kinds_by_name(properties: Iterable[Property]) -> dict[str, frozenset[Kind]]:
    """Give the kinds that properties have, by their names."""
    found: dict[str, set[Kind]] = {}
    for name, kind in properties:
        found.setdefault(name, set()).add(kind)
    return {name: frozenset(kinds) for name, kinds in found.items()}
