"""A tick of the schedule → the graph image's deltas in a new base, if they are many; old files removed.

Trigger: an EventBridge schedule, and each deployment. Flow: flows.compact. Writes: image; to the rebuild
queue where the image lacks a part of the table: it was never built, or it has followed another stream than
the table has now, and its deltas are but what changed lately.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from secgraph.adapters.sqs_rebuild import Start
from secgraph.flows.compact import compact, upkeep
from secgraph.flows.published import held
from secgraph.flows.rebuild import is_missing, running
from secgraph.handlers import runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Compact if that is due; with `{"always": true}` also if it is not.

    Answers what was done: `{"rebuild": true}`, it was asked for, or `{"compacted": {…} | null}`.
    """
    store, now, stream = runtime.image_store(), runtime.now(), runtime.graph_stream()
    manifest = held(store).manifest
    if is_missing(manifest, stream) and not running(manifest, now, stream):
        runtime.rebuild_queue().send([Start("missing")])
        runtime.logger.info(
            "there is no image that has followed the table's stream; a rebuild was asked for",
            generation=manifest.generation,
            followed=manifest.stream,
        )
        return {"rebuild": True}
    work = compact if event.get("always") is True else upkeep
    done = work(store=store, builder=runtime.builder(), now=now, token=uuid4().hex)
    return {"compacted": done and asdict(done)}
