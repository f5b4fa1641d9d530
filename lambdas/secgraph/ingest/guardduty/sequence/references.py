"""The uids in the lists of elements (`ec2InstanceUids`) → what they name, resolved once a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.naming import ec2_thing
from secgraph.ingest.things import Thing


@dataclass(frozen=True, slots=True)
class References:
    """What names what.

    `elements` gives the element of a thing; `holders`, by instance, all elements that list it, in order.
    """

    elements: Mapping[Thing, Listed]
    holders: Mapping[Thing, list[Listed]]
    _named: Mapping[tuple[str, str], Thing]

    @classmethod
    def of(cls, all_: tuple[Listed, ...]) -> Self:
        """Resolve what the elements list."""
        elements = {each.thing: each for each in all_ if each.thing}
        named = {(each.type, uid): thing for thing, each in elements.items() for uid in each.uids}
        holders: dict[Thing, list[Listed]] = {}
        for each in all_:
            for thing in _referred(each, "ec2InstanceUids", "EC2_INSTANCE", named):
                holders.setdefault(thing, []).append(each)
        return cls(elements, holders, named)

    def interfaces(self, instance: Listed) -> tuple[Thing, ...]:
        """Name the interfaces that an instance lists."""
        found = _referred(instance, "ec2NetworkInterfaceUids", "EC2_NETWORK_INTERFACE", self._named)
        return tuple(found)


def _referred(each: Listed, name: str, type_: str, named: Mapping[tuple[str, str], Thing]) -> Iterator[Thing]:
    """Name what an element refers to by uid, each once: other elements, else what the uid alone names."""
    uids = each.data.texts(name)
    found = (named.get((type_, uid)) or ec2_thing(type_, uid, each.place) for uid in uids)
    return iter(dict.fromkeys(thing for thing in found if thing))
