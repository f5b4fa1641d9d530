"""A table of invented items and the stream of its changes, for the flows of the image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from secgraph.flows.project import StreamRecord
from secgraph.flows.segments import Page
from secgraph.graph.model import Edge, Item, Observation, Ref
from secgraph.image.rows import Version

START = 1_700_000_000_000
TYPES = ("aws_instance", "aws_vpc", "aws_guardduty_finding")


def thing(number: int) -> Ref:
    """Name the n-th thing."""
    return Ref.of(f"thing-{number}", TYPES[number % len(TYPES)])


def item(number: int, rev: int, *, value: int = 0, ends: Iterable[int] = (), class_: str = "Host") -> Item:
    """Make an item that states an edge to each of some things."""
    edges = tuple(
        Edge("HAS" if end % 2 else "USES", thing(end), outgoing=bool(end % 3))
        for end in ends
        if end != number
    )
    observation = Observation(
        "inventory/test", START, {"_class": (class_,), "value": value, "name": f"n{number}"}, edges
    )
    return Item(
        thing=thing(number),
        blocks={"inventory/test": observation},
        collected={},
        created_on=START,
        begin_on=START,
        version=rev,
        rev=rev,
    )


@dataclass
class Table:
    """Items by number, and every change of them in order. Time goes on by `pass_`; the clock that stamps the
    changes may be wrong."""

    now: int = START
    wrong_by: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    stream: list[StreamRecord] = field(default_factory=list)

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds

    def put(self, number: int, *, value: int = 0, ends: Iterable[int] = (), class_: str = "Host") -> None:
        held = self.items.get(number)
        made = item(number, held.rev + 1 if held else 1, value=value, ends=ends, class_=class_)
        self.items[number] = made
        self.stream.append(StreamRecord(made.thing.id, Version(made.rev, self._at()), made))

    def take_out(self, number: int) -> None:
        held = self.items.pop(number)
        self.stream.append(StreamRecord(held.thing.id, Version(held.rev, self._at(), gone=True), None))

    def all_items(self) -> list[Item]:
        return list(self.items.values())

    def scan(self, segment: int, of: int, position: str | None) -> Page:
        """Two items a page."""
        mine = sorted(number for number in self.items if number % of == segment)
        left = [number for number in mine if position is None or number > int(position)]
        page = left[:2]
        following = str(page[-1]) if len(left) > 2 else None
        return Page([self.items[number] for number in page], following, self.now)

    def _at(self) -> int:
        """The stream tells whole seconds."""
        return (self.now + self.wrong_by) // 1000 * 1000
