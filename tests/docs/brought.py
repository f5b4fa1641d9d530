"""What the events in tests/ingest and examples/demo bring into the graph, as ingest states it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from secgraph.graph.model import GraphChange
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import Ignored, normalise

_ROOT = Path(__file__).parent.parent.parent
_EVENTS = (
    *sorted((_ROOT / "tests" / "ingest").glob("*/fixtures/*.event.json")),
    *sorted((_ROOT / "examples" / "demo").glob("0[1-6]*.json")),
)


@cache
def changes() -> tuple[GraphChange, ...]:
    """Give every change of every event that is understood."""
    made = [normalise(parse(path.read_text("utf-8")), received_on=1, test_source=False) for path in _EVENTS]
    return tuple(change for each in made if not isinstance(each, Ignored) for change in each)
