"""What the events in tests/ingest and examples/demo bring into the graph, as ingest states it."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

from secgraph.flows.ingest import Delivery, read
from secgraph.graph.model import GraphChange
from secgraph.ingest.normalise import Ignored

_ROOT = Path(__file__).parent.parent.parent
_EVENTS = (
    *sorted((_ROOT / "tests" / "ingest").glob("*/fixtures/*.event.json")),
    *sorted((_ROOT / "examples" / "demo").glob("0[1-6]*.json")),
)


@cache
def changes() -> tuple[GraphChange, ...]:
    """Give every change of every event that is understood."""
    events = [Delivery(str(path), path.read_text("utf-8"), 1) for path in _EVENTS]
    made = [read(event, test_source=False) for event in events]
    return tuple(change for each in made if not isinstance(each, Ignored) for change in each)


@cache
def values() -> dict[str, dict[str, set[type]]]:
    """Give, by type of entity and property, the kinds of values that come in: bool, float, str or list."""
    found: defaultdict[str, defaultdict[str, set[type]]] = defaultdict(lambda: defaultdict(set))
    for change in changes():
        for name, value in change.observation.properties.items():
            found[change.thing.type][name].add(kind_of(value))
    found["aws_inspector_finding"]["closedOn"].add(float)  # the fixtures have no finding that was closed
    for type_ in ("aws_guardduty_finding", "aws_inspector_finding"):
        found[type_]["reopenedOn"].add(float)  # the merge of its states writes it
    for name in ("packageScanReason", "packageScanStatus"):  # the same for all that Inspector scans
        found["aws_lambda_function"][name] |= found["aws_instance"][name]
    return {type_: dict(held) for type_, held in found.items()}


def kind_of(value: object) -> type:
    """Tell what kind of value it is: numbers are of one kind, and so are lists."""
    if isinstance(value, bool | str):
        return type(value)
    return float if isinstance(value, int | float) else list


@cache
def relationships() -> frozenset[tuple[str, str, str]]:
    """Give (verb, type it leaves, type it enters) of what comes in; each finding that is had can close."""
    found = set()
    for change in changes():
        for edge in change.observation.edges:
            ends = (change.thing.type, edge.end.type)
            start, end = ends if edge.outgoing else ends[::-1]
            found.add((edge.verb, start, end))
    closed = {("HAD", start, end) for verb, start, end in found if verb == "HAS" and end.endswith("_finding")}
    return frozenset(found | closed)
