"""A message of the rebuild queue → a part of a new base of the graph image, made of the table alone.

Trigger: the rebuild queue, one message at a time. Flow: flows.rebuild. Writes: image, image-aside folder, the
rebuild queue.

Each segment keeps its place in the image's own objects. One that outlasts the function is sent again, and the
last one that is done sends what finishes the rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import Unreadable, attributes_of
from secgraph.adapters.sqs_rebuild import Finish, ReadSegment, Start, When, Work, work_of
from secgraph.errors import InputError, ObjectDamaged, StoreError, StoreUnavailable
from secgraph.flows.published import held
from secgraph.flows.rebuild import begin, finish, is_missing, running
from secgraph.flows.segments import Page, is_queued, note_queued, progress, read_segment
from secgraph.graph.model import Item
from secgraph.handlers import runtime
from secgraph.image.manifest import EMPTY, Manifest, Rebuild
from secgraph.image.ports import ObjectStore

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SEGMENT_ITEMS: Final = 100_000
"""A minute or two of reading."""
SEGMENTS_AT_MOST: Final = 64
MARGIN_MS: Final = 120_000
"""No further page is read when less time than this is left."""
AGAIN_SECONDS: Final = 60
"""When a part that failed comes again: long before the queue would let it by itself."""


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Do what a message says. A failure lets it come again, five times in all."""
    body, receipt = _message(event)
    work = work_of(body)
    try:
        _do(work, lambda: context.get_remaining_time_in_millis() < MARGIN_MS)
    except StoreError:
        _come_again_soon(receipt)
        raise


def _come_again_soon(receipt: str) -> None:
    try:
        runtime.rebuild_queue().soon(receipt, AGAIN_SECONDS)
    except StoreUnavailable as error:
        runtime.logger.warning("the message comes again, but later", reason=str(error))


def _message(event: dict[str, Any]) -> tuple[str, str]:
    try:
        (record,) = event["Records"]
        return record["body"], record["receiptHandle"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"this is no message of the rebuild queue ({error!r}); send it to the queue"
        ) from error


def _do(work: Work, stop: Callable[[], bool]) -> None:
    match work:
        case Start(when):
            _start(when)
        case ReadSegment(rebuild, segment) if _is_current(rebuild):
            _read(rebuild, segment, stop)
        case Finish(rebuild) if _is_current(rebuild):
            done = finish(
                rebuild,
                store=runtime.image_store(),
                builder=runtime.builder(),
                now=runtime.now(),
                token=uuid4().hex,
            )
            runtime.logger.info("the image was rebuilt", published=done)
        case _:
            runtime.logger.info("the rebuild of this message has ended", work=work)


def _start(when: When) -> None:
    """Begin a rebuild, or go on with the one that runs: whoever began that may have died before all of it was
    in the queue, and a segment that is read twice does no harm. What Compact asks for, every few minutes
    until one runs, is not put there twice."""
    store, now, stream = runtime.image_store(), runtime.now(), runtime.graph_stream()
    manifest = _manifest(store)
    if when == "missing" and not is_missing(manifest, stream):
        return
    rebuild = None if when == "anew" else running(manifest, now, stream)
    if rebuild is None:
        rebuild = _begun(store, manifest, now, stream)
    elif when == "missing" and is_queued(rebuild, store=store):
        return
    left = [each.segment for each in progress(rebuild, store=store) if not each.is_done]
    work: list[Work] = [ReadSegment(rebuild, segment) for segment in left]
    runtime.rebuild_queue().send(work or [Finish(rebuild)])
    note_queued(rebuild, store=store)


def _begun(store: ObjectStore, manifest: Manifest, now: int, stream: str) -> Rebuild:
    """Begin one, in the place of the one that stands in the manifest, but of none that was begun since."""
    return begin(
        store=store,
        segments=min(SEGMENTS_AT_MOST, 1 + runtime.graph().size() // SEGMENT_ITEMS),
        now=now,
        token=uuid4().hex,
        anew=manifest.rebuild is not None,
        stream=stream,
    )


def _read(rebuild: Rebuild, segment: int, stop: Callable[[], bool]) -> None:
    store = runtime.image_store()
    done = read_segment(
        rebuild,
        segment,
        store=store,
        table=_Table(runtime.graph()),
        token=uuid4().hex,
        stop=stop,
        set_aside=_set_aside,
    )
    runtime.logger.info("read a segment of the graph table", rebuild=rebuild.id, progress=done)
    if done is None:
        return
    if not done.is_done:
        runtime.rebuild_queue().send([ReadSegment(rebuild, segment)])
        return
    if all(each.is_done for each in progress(rebuild, store=store)):
        runtime.rebuild_queue().send([Finish(rebuild)])


def _set_aside(unshown: Sequence[tuple[Item, str]]) -> None:
    """Keep items that cannot be shown, as the table has them."""
    runtime.set_aside([Unreadable(item.thing.id, reason, attributes_of(item)) for item, reason in unshown])


def _manifest(store: ObjectStore) -> Manifest:
    """Read the manifest; one that is damaged is what a rebuild mends."""
    try:
        return held(store).manifest
    except ObjectDamaged:
        return EMPTY


def _is_current(rebuild: Rebuild) -> bool:
    return held(runtime.image_store()).manifest.rebuild == rebuild


@dataclass(frozen=True, slots=True)
class _Table:
    """The graph table, read from end to end; what cannot be read is set aside on the way."""

    graph: DynamoDBGraph

    def scan(self, segment: int, of: int, position: str | None) -> Page:
        """Read one page, see flows.rebuild.TableScan."""
        read_on = runtime.now()
        page = next(self.graph.pages(segment, of, position))
        runtime.set_aside(page.unreadable)
        return Page(page.items, page.last, read_on)
