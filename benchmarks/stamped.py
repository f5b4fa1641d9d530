"""A large estate without its events: what it tells → the items that ingest would make of them, only faster.

    Told… ─one event of each shape, really normalised→ stencils ─stamped→ GraphChange… ─merge→ Item…

An event goes through ingest in two milliseconds, so a million take half an hour. But the events of an estate
are of a few dozen shapes (a CVE of that severity on an instance of production …). Of each shape one is
normalised for real, with values that occur nowhere else; wherever they come out is a hole, and every other
finding of the shape is stamped: its own values go into the holes. What events say of a shared thing is mostly
the same again; of that the earliest receipt and the latest time are kept, and merged for real at the end.
A test compares the items with those of ingest, one by one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Final

from benchmarks.estate import SEVERITIES, Estate, Flaw, Threat, Told
from benchmarks.hosts import Host
from secgraph.graph import merge
from secgraph.graph.loading import items_of
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Edge, GraphChange, Item, Observation, Properties, Ref, Value
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise

SEEN: Final = "seen"
NUMBER: Final = "number"
SHAPES_OF_FLAWS: Final = 3 * len(SEVERITIES)
"""Flaws whose numbers leave the same remainder are alike but for their names and EPSS scores."""
_FAR: Final = 7_654_321
"""Moves the numbers of a model far from those of any estate."""
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
Values = Mapping[str, Any]


class _Model(Told):
    """The finding that its shape is learnt from."""

    __slots__ = ()

    @property
    def count(self) -> int:
        return 770_077


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several processes makes: the findings whose numbers leave one of these remainders when
    divided by `of`, and all that findings share, if it is the one that does that."""

    remainders: frozenset[int]
    of: int
    is_sharing: bool


ALL: Final = Share(frozenset({0}), 1, is_sharing=True)


def items(estate: Estate, *, now: int, span: int, share: Share = ALL) -> Iterator[Item]:
    """Give the items of an estate whose findings came in evenly over the last `span` milliseconds, with its
    inventory laid over them. First the findings, then what they share; each once, in the same order always.
    Locators are left out, and when sources were heard of.
    """
    shapes: dict[object, Sequence[Stencil]] = {}
    stencils: dict[str, Stencil] = {}
    shared: dict[tuple[Stencil, object], _Extent] = {}
    for told in estate.told():
        is_ours = told.number % share.of in share.remainders
        if not (is_ours or share.is_sharing):
            continue
        shape = _shape(told)
        if shape not in shapes:
            shapes[shape] = [stencils.setdefault(it.form, it) for it in _learnt(told)]
        received_on = now - span + span * told.number // estate.findings
        values = _values(told)
        if is_ours:
            own = [it.stamp(values, it.time(values), received_on) for it in shapes[shape] if it.is_own]
            yield _merged(own, now)
        if share.is_sharing:
            for stencil in shapes[shape]:
                if not stencil.is_own:
                    stencil.note(shared, values, received_on)
    if share.is_sharing:
        yield from _shared(shared, estate, now)


def _merged(changes: Sequence[GraphChange], now: int) -> Item:
    return merge.apply(None, changes, now=now, settings={}).item


def _shape(told: Told) -> object:
    about = told.about
    production = told.host.number % 4 == 0
    if isinstance(about, Threat):
        return about.type, about.severity, production
    return about and about.number % SHAPES_OF_FLAWS, production


def _values(told: Told) -> dict[str, Any]:
    """Give all that differs between findings of one shape, by the names of the holes."""
    host, about = told.host, told.about
    values: dict[str, Any] = {
        NUMBER: told.id,
        SEEN: round(told.seen.timestamp() * 1000),
        "account": host.account,
        "region": host.region,
        "instance": host.id,
        "address": host.private_address,
        "dashed": host.private_address.replace(".", "-"),
        "subnet": host.subnet,
        "vpc": host.vpc,
        "group": host.group,
        "interface": host.interface,
        "image": host.image,
        "gateway": host.vpc.replace("vpc", "igw"),
        "acl": host.subnet.replace("subnet", "acl"),
        **{f"tag_{name}": value for name, value in host.tags.items() if value != "true"},
    }
    if isinstance(about, Threat):
        values |= {"count": told.count, "remote": about.address}
    elif about is not None:
        values |= {
            "cve": about.name,
            "cve_key": about.name.lower(),
            "package": about.package,
            "epss": about.epss or 0,
        }
    return values


def _learnt(told: Told) -> Sequence[Stencil]:
    """Normalise one event of the shape of this one, and find the holes."""
    about = told.about
    far = _FAR * SHAPES_OF_FLAWS
    host = Host(told.host.number % 4 + 4 * 0xABCDEF0123, "987654321012", "sa-east-1")
    if isinstance(about, Threat):
        about = replace(about, address="203.0.113.77")
    elif about is not None:
        about = Flaw(about.number % SHAPES_OF_FLAWS + far)
    model = _Model(0xFEDCBA9876543210FEDCBA98765, host, about)
    changes = normalise(parse(model.event), received_on=0)
    if isinstance(changes, Ignored):
        raise SystemExit(f"an event of the estate is ignored: {changes.reason}")
    holes = _Holes(_values(model))
    return [Stencil(change, holes) for change in changes if change.thing.type != LOCATOR]


_Stamp = Callable[[Values], Any]


class _Holes:
    """Finds in what came of a model the values that it was made with."""

    def __init__(self, values: Values) -> None:
        self._texts = {value: name for name, value in values.items() if isinstance(value, str)}
        self._numbers = {value: name for name, value in values.items() if not isinstance(value, str)}
        self.used: set[str] = set()

    def stamp(self, value: Value) -> _Stamp | None:
        """Give what makes the value of another finding; None if it is the same for all."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            each = [self.stamp(member) or _always(member) for member in value]
            return (lambda values: tuple(it(values) for it in each)) if any(map(self.stamp, value)) else None
        name = None if isinstance(value, bool) else self._numbers.get(value)
        if name is None:
            return None
        self.used.add(name)
        return itemgetter(name)

    def form(self, change: GraphChange) -> str:
        """Write a change with its holes: two that are alike are one stencil."""
        text = repr((change.thing.key, change.thing.type, change.observation))
        for value, name in {**self._numbers, **self._texts}.items():
            text = text.replace(str(value), f"{{{name}}}")
        return re.sub(_UUID, "", text)

    def text(self, text: str) -> _Stamp | None:
        form = text.replace("{", "{{").replace("}", "}}")
        for value in sorted(self._texts, key=len, reverse=True):
            if value in form:
                self.used.add(self._texts[value])
                form = form.replace(value, f"{{{self._texts[value]}}}")
        return form.format_map if "{" in form.replace("{{", "") else None


def _always(value: Value) -> _Stamp:
    return lambda _: value


@dataclass(slots=True)
class _Extent:
    """What was said alike: the values to stamp it with, the latest time of it and the earliest receipt."""

    values: Values
    time: int
    received_on: int


class Stencil:
    """One GraphChange of a model with its holes."""

    def __init__(self, change: GraphChange, holes: _Holes) -> None:
        seen = change.observation
        holes.used = set()
        self._change = change
        self._key = holes.text(change.thing.key) or _always(change.thing.key)
        self.is_own = NUMBER in holes.used
        self._block = holes.text(seen.block) or _always(seen.block)
        self._properties = _held(seen.properties, holes)
        self._collected = _held(seen.collected, holes)
        self._edges = [_edge(edge, holes) for edge in seen.edges]
        self._content = itemgetter(*sorted(holes.used)) if holes.used else _always(())
        self.time: _Stamp = holes.stamp(seen.time) or _always(seen.time)
        self.form = holes.form(change)

    def stamp(self, values: Values, time: int, received_on: int) -> GraphChange:
        """Give the change of the finding with these values."""
        seen = self._change.observation
        observation = Observation(
            self._block(values),
            time,
            _filled(seen.properties, self._properties, values),
            tuple(edge(values) for edge in self._edges),
            seen.rank,
            _filled(seen.collected, self._collected, values),  # type: ignore[arg-type]
        )
        return GraphChange(Ref.of(self._key(values), self._change.thing.type), observation, received_on)

    def note(self, shared: dict[tuple[Stencil, object], _Extent], values: Values, received_on: int) -> None:
        """Keep in `shared` that a finding says this; nothing is stamped for one that says it again."""
        place = (self, self._content(values))
        held = shared.get(place)
        time = self.time(values)
        if held is None:
            shared[place] = _Extent(values, time, received_on)
        else:
            held.time = max(held.time, time)


def _held(properties: Properties | Mapping[str, tuple[Any, ...]], holes: _Holes) -> list[tuple[str, _Stamp]]:
    found = ((name, holes.stamp(value)) for name, value in properties.items())
    return [(name, stamp) for name, stamp in found if stamp is not None]


def _filled(properties: Mapping[str, Any], holes: Sequence[tuple[str, _Stamp]], values: Values) -> Properties:
    return {**properties, **{name: stamp(values) for name, stamp in holes}} if holes else properties


def _edge(edge: Edge, holes: _Holes) -> Callable[[Values], Edge]:
    key = holes.text(edge.end.key) or _always(edge.end.key)
    properties = _held(edge.properties, holes)
    discriminator = holes.text(edge.discriminator) or _always(edge.discriminator)
    return lambda values: replace(
        edge,
        end=Ref.of(key(values), edge.end.type),
        discriminator=discriminator(values),
        properties=_filled(edge.properties, properties, values),
    )


def _shared(shared: Mapping[tuple[Stencil, object], _Extent], estate: Estate, now: int) -> Iterator[Item]:
    """Merge what was said of each shared thing, and lay the inventory over it."""
    changes: dict[Ref, list[GraphChange]] = defaultdict(list)
    for (stencil, _), extent in shared.items():
        change = stencil.stamp(extent.values, extent.time, extent.received_on)
        changes[change.thing].append(change)
    loaded = {item.thing.id: item for item in items_of(estate.inventory(), now=now)}
    for thing, said in changes.items():
        item = _merged(said, now)
        over = loaded.pop(thing.id, None)
        yield item if over is None else replace(item, blocks={**item.blocks, **over.blocks})
    yield from loaded.values()
