"""`secgraph image`: the image beside a graph file, or of a deployment: status, compact, rebuild, verify."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from secgraph.adapters.image.reader import ImageReader
from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli import clock
from secgraph.cli.beside import AT_ONCE, is_image_of, store_beside, take_in, writing
from secgraph.flows.next_base import Compacted
from secgraph.flows.published import held
from secgraph.flows.shown import ShownBy
from secgraph.flows.sums import Sum
from secgraph.flows.verify import verify
from secgraph.graph.model import Item
from secgraph.image.manifest import EMPTY, Manifest
from secgraph.j1ql.text.terminal import plain

if TYPE_CHECKING:
    from secgraph.adapters.deployed import Deployed


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    group = commands.add_parser("image", help="look at, tidy up or rebuild what queries read").add_subparsers(
        required=True, metavar="COMMAND"
    )
    place = argparse.ArgumentParser(add_help=False, parents=[shared])
    place.add_argument("--stack", metavar="NAME", help="a deployed stack, by its repair role")
    status = group.add_parser("status", parents=[place], help="say how new and how large it is")
    status.add_argument("--format", choices=("text", "json"), default="text")
    status.set_defaults(run=_status)
    compacting = group.add_parser("compact", parents=[shared], help="bring all changes into its base")
    compacting.set_defaults(run=_compact)
    rebuilding = group.add_parser("rebuild", parents=[place], help="make it again from the graph alone")
    rebuilding.add_argument("--anew", action="store_true", help="in the place of a rebuild that runs")
    rebuilding.set_defaults(run=_rebuild)
    verifying = group.add_parser("verify", parents=[place], help="compare it with the graph")
    verifying.set_defaults(run=_verify)


# ── status ────────────────────────────────────────────────────────────────────────────────────────────


def _status(arguments: argparse.Namespace) -> int:
    waiting: int | None = None
    if arguments.stack is not None:
        manifest = held(_deployed(arguments.stack).image_store()).manifest
    else:
        store = store_beside(arguments.graph)
        with LocalGraph.open(arguments.graph, read_only=True) as graph:
            is_its_image = is_image_of(store, graph)
            waiting = len(graph.unprojected() if is_its_image else graph.ids())
        manifest = held(store).manifest if is_its_image else EMPTY
    if arguments.format == "json":
        print(json.dumps(_as_json(manifest, waiting), indent=2))
    else:
        print("\n".join(_sentences(manifest, waiting)))
    return 0


def _as_json(manifest: Manifest, waiting: int | None) -> dict[str, object]:
    return {
        "version": manifest.version,
        "publishedOn": manifest.published_on,
        "until": manifest.until,
        "generation": manifest.generation,
        "entities": manifest.rows,
        "deltas": len(manifest.stand.deltas),
        "changes": sum(delta.rows for delta in manifest.stand.deltas),
        **({} if waiting is None else {"waiting": waiting}),
        **({"rebuildSince": manifest.rebuild.started_on} if manifest.rebuild else {}),
    }


def _sentences(manifest: Manifest, waiting: int | None) -> Iterator[str]:
    if manifest.version == 0:
        yield "there is no image yet"
    else:
        yield f"version {manifest.version} of {_time(manifest.published_on)}"
        yield f"changes until {_time(manifest.until)} are in it"
        base = f"base {manifest.generation} has {_counted(manifest.rows, 'entity')}"
        yield base if manifest.generation else "there is no base yet"
        if manifest.stand.deltas:
            changes = sum(delta.rows for delta in manifest.stand.deltas)
            yield f"{_counted(len(manifest.stand.deltas), 'delta')} over it: {_counted(changes, 'change')}"
    if waiting:
        is_not = "is not" if waiting == 1 else "are not"
        yield f"{_counted(waiting, 'item')} of the graph {is_not} in it yet: queries read the graph for that"
    if manifest.rebuild:
        yield f"it is being rebuilt since {_time(manifest.rebuild.started_on)}"


# ── compact, rebuild ──────────────────────────────────────────────────────────────────────────────────


def _compact(arguments: argparse.Namespace) -> int:
    with writing(_existing(arguments.graph)) as beside:
        beside.catch_up()
        done = beside.compact()
    print("nothing to compact" if done is None else _made(done))
    return 0


def _rebuild(arguments: argparse.Namespace) -> int:
    if arguments.stack is not None:
        from secgraph.adapters.sqs_rebuild import Start

        _deployed(arguments.stack).rebuild_queue().send([Start("anew" if arguments.anew else "always")])
        print("the rebuild begins within moments; `secgraph image status` tells of it, and when it is done")
        return 0
    with writing(_existing(arguments.graph)) as beside:
        beside.begin_anew()
        beside.catch_up()
        done = beside.compact()
        manifest = held(beside.store).manifest
    base = f"base {manifest.generation} has {_counted(manifest.rows, 'entity')}"
    print(_made(done) if done else base if manifest.generation else "there is nothing in the graph yet")
    return 0


def _existing(path: Path) -> Path:
    """Make sure of a graph: these commands make none."""
    LocalGraph.open(path, read_only=True).close()
    return path


def _made(done: Compacted) -> str:
    files = f"{_counted(done.written, 'file')} written ({done.bytes_written:,} bytes), {done.kept} kept"
    mended = f"\nleft behind: {plain(done.mended)}" if done.mended else ""
    return f"base {done.generation} has {_counted(done.entities, 'entity')}: {files}{mended}"


# ── verify ────────────────────────────────────────────────────────────────────────────────────────────


def _verify(arguments: argparse.Namespace) -> int:
    with (_of_stack if arguments.stack is not None else _of_file)(arguments) as (items, reader):
        found = verify(items, ShownBy(reader))
    fallback = reader.state().fallback
    if fallback:
        print(plain(fallback), file=sys.stderr)
    if found.is_same:
        entities = _counted(_sum(found.table.entities), "entity")
        relationships = _counted(_sum(found.table.relationships), "relationship")
        print(f"{entities} and {relationships}: the same in the graph and in its image")
        return 2 if fallback else 0
    for it in found.named:
        print(plain(f"{it.id}: {it.what}"))
    differ = "1 thing differs" if found.differing == 1 else f"{found.differing:,} things differ"
    print(f"{differ}; `secgraph image rebuild` makes the image again from the graph")
    return 2


_Compared = Iterator[tuple[Callable[[], Iterable[Item]], ImageReader]]


@contextmanager
def _of_file(arguments: argparse.Namespace) -> _Compared:
    store = store_beside(arguments.graph)
    with (
        LocalGraph.open(arguments.graph, read_only=True) as graph,
        closing(ImageReader(store, store.root)) as reader,
    ):
        take_in(reader, store, graph)

        def items() -> Iterator[Item]:
            ids = graph.ids()
            for start in range(0, len(ids), AT_ONCE):
                yield from graph.read(ids[start : start + AT_ONCE]).values()

        yield items, reader


@contextmanager
def _of_stack(arguments: argparse.Namespace) -> _Compared:
    found = _deployed(arguments.stack)
    graph = found.graph()
    with (
        TemporaryDirectory(prefix="secgraph-") as folder,
        closing(ImageReader(found.image_store(), Path(folder))) as reader,
    ):
        reader.refresh(clock.now())
        yield lambda: (item for page in graph.pages() for item in page.items), reader


def _sum(sums: Mapping[str, Sum]) -> int:
    return sum(it.count for it in sums.values())


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────


def _deployed(stack: str) -> Deployed:
    from secgraph.adapters import deployed  # here: the AWS SDK takes longer to load than most commands run

    return deployed.of_stack(stack)


def _counted(number: int, what: str) -> str:
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else many}"


def _time(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
