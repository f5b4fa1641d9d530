"""A batch of the graph table's stream → a delta of the graph image.

Trigger: the stream of the graph table. Flow: flows.project. Writes: image, image-aside folder, change mark.

What cannot be read or shown is set aside for good and counted; the rest goes on. Any other failure is the
function's: the stream keeps its place and delivers the batch again.

The change mark starts the rules that ask for evaluation on change: it is set once the image has what they are
to see, and not at all if no rule asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from secgraph.adapters.dynamodb_items import Unreadable, attributes_of
from secgraph.adapters.table_stream import TableChange, changes_of
from secgraph.errors import StoreUnavailable
from secgraph.flows.project import Aside, StreamRecord, project
from secgraph.handlers import alert_runtime, runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Bring the changes into the image; tells how many, and its version: `{"rows", "aside", "version"?}`."""
    changes, unreadable = changes_of(event)
    projected = project(
        [StreamRecord(change.id, change.version, change.item) for change in changes],
        store=runtime.image_store(),
        now=runtime.now(),
        token=uuid4().hex,
    )
    if projected.version is not None:
        _mark(projected.version)
    aside = [*unreadable, *(_unshown(each, changes) for each in projected.aside)]
    runtime.set_aside(aside)
    version = {} if projected.version is None else {"version": projected.version}
    return {"rows": projected.rows, "aside": len(aside), **version}


def _mark(version: int) -> None:
    """Start the rules on change. If that fails the image is published all the same, and the schedule's next
    run does their work: the batch must not come again for it."""
    if not any(rule.evaluate_on_change for pack in alert_runtime.packs() for rule in pack.rules):
        return
    try:
        alert_runtime.change_mark().set(version)
    except StoreUnavailable as error:
        runtime.logger.error("rules on change wait for the schedule", reason=str(error))


def _unshown(aside: Aside, changes: list[TableChange]) -> Unreadable:
    """Give the item that cannot be shown, as the table has it."""
    items = (one.item for one in changes if (one.id, one.version) == (aside.id, aside.version))
    item = next(items, None)
    return Unreadable(aside.id, aside.reason, {} if item is None else attributes_of(item))
