"""The image beside a graph file: always what the file says, whatever died, was deleted, copied or damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
import pytest

from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli import beside, clock, gather
from secgraph.cli.beside import Beside
from secgraph.flows.load import load
from secgraph.graph.loading import items_of
from secgraph.image import plan

GRAPH = Path("test.duckdb")
IMAGE = Path("test.duckdb.image")
NOTE = "note: "
Run = Callable[..., tuple[int, str, str]]


def write(name: str, **more: object) -> None:
    """Write a graph file of one host."""
    host = {"_key": name, "_type": "server", "_class": "Host", "name": name, **more}
    Path(f"{name}.json").write_text(json.dumps({"entities": [host], "relationships": []}))


@pytest.fixture
def hosts(run):
    """Give a graph of two hosts, and a function that tells who they are and what was said of that."""

    def ask() -> tuple[list[str], str]:
        code, out, err = run("query", "FIND Host AS h RETURN h.name ORDER BY h.name", "--format", "csv")
        assert code == 0, err
        return out.split()[1:], err

    for name in ("a", "b"):
        write(name)
        assert run("load", f"{name}.json")[0] == 0
    return ask


def deltas() -> int:
    return len(list(IMAGE.glob("deltas/*")))


def test_each_write_is_a_change_of_the_image_and_a_query_changes_nothing(hosts):
    assert deltas() == 2
    before = sorted((path, path.stat().st_mtime_ns) for path in [GRAPH, *IMAGE.rglob("*")])
    assert hosts() == (["a", "b"], "")
    assert sorted((path, path.stat().st_mtime_ns) for path in [GRAPH, *IMAGE.rglob("*")]) == before


def test_a_graph_that_nobody_wrote_to_since_is_not_opened(hosts):
    with GRAPH.open("r+b") as file:
        look = GRAPH.stat()
        file.write(bytes(look.st_size))
    os.utime(GRAPH, ns=(look.st_atime_ns, look.st_mtime_ns))
    assert hosts() == (["a", "b"], "")


def put(name: str) -> None:
    """Write an item, and die before it is in the image."""
    write(name)
    with LocalGraph.open(GRAPH) as graph:
        load(items_of(json.loads(Path(f"{name}.json").read_text()), now=1), writer=graph)


@pytest.mark.thorough
def test_what_a_crash_kept_out_of_the_image_is_read_from_the_graph(hosts, run):
    put("c")
    assert hosts() == (["a", "b", "c"], "")
    assert "1 item of the graph is not in it yet" in run("image", "status")[1]
    assert deltas() == 2
    write("d")
    run("load", "d.json")
    assert hosts() == (["a", "b", "c", "d"], "")
    assert "not in it yet" not in run("image", "status")[1]


class Died(BaseException):
    """The process died."""


@pytest.mark.thorough
@pytest.mark.parametrize("at", ["mark", "deltas/", "manifest.json", "the graph", "seen"])
def test_whoever_dies_as_the_image_catches_up_leaves_nothing_out(hosts, run, at, monkeypatch):
    written = FolderStore.put

    def put_until(store: FolderStore, name: str, body: bytes) -> None:
        if name.startswith(at):
            raise Died
        written(store, name, body)

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "put", put_until)
        if at == "the graph":
            patched.setattr(LocalGraph, "projected", die)
        write("c")
        with pytest.raises(Died):
            run("load", "c.json")
    assert hosts() == (["a", "b", "c"], "")
    assert run("image", "compact")[0] == 0
    assert hosts() == (["a", "b", "c"], "")
    assert run("image", "verify")[0] == 0


def deleted(_: Run) -> None:
    shutil.rmtree(IMAGE)


def manifest_deleted(_: Run) -> None:
    (IMAGE / "manifest.json").unlink()


def of_another(run: Run) -> None:
    run("load", "b.json", "--graph", "other.duckdb")
    shutil.rmtree(IMAGE)
    shutil.copytree("other.duckdb.image", IMAGE)


def restored(run: Run) -> None:
    """The file as it was before the last write, the image as it is after it."""
    shutil.copy(GRAPH, "backup.duckdb")
    write("c")
    run("load", "c.json")
    shutil.copy("backup.duckdb", GRAPH)


@pytest.mark.thorough
@pytest.mark.parametrize("odd", [deleted, manifest_deleted, of_another, restored])
def test_a_folder_that_is_no_image_of_the_graph_answers_nothing(hosts, run, odd):
    odd(run)
    found, said = hosts()
    assert found == ["a", "b"]
    assert said == f"note: {IMAGE.absolute()} is no image of this graph; `secgraph image rebuild` makes one\n"
    write("d")
    assert run("load", "d.json")[2] == ""
    assert hosts() == (["a", "b", "d"], "")
    assert run("image", "verify")[1].startswith("3 entities and 0 relationships: the same")


def test_a_file_of_format_3_is_read_and_brought_up_to_date_by_a_write(hosts, run):
    shutil.rmtree(IMAGE)
    with duckdb.connect(str(GRAPH)) as connection:
        for table in ("unprojected", "image"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("CREATE TABLE entity (id BIGINT)")
        connection.execute("UPDATE graph_file SET format = 3")
    found, said = hosts()
    assert found == ["a", "b"]
    assert said.startswith(NOTE)
    assert not IMAGE.exists()
    assert run("image", "rebuild")[1].startswith("base 1 has 2 entities: ")
    assert hosts() == (["a", "b"], "")


@contextmanager
def held_open() -> Iterator[None]:
    """Another process has the graph open for writing."""
    hold = (
        "import sys\nfrom pathlib import Path\nfrom secgraph.cli.beside import writing\n"
        f"with writing(Path({str(GRAPH)!r})) as beside:\n"
        "    beside.graph.remove([''])\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


def refused(run: Run) -> bool:
    code, _, err = run("query", "FIND Host")
    return (code, "another process has this graph file open" in err) == (2, True)


@pytest.mark.thorough
def test_the_image_answers_while_another_process_writes(hosts, run):
    with held_open():
        (IMAGE / "seen").write_text("something else")
        assert hosts() == (["a", "b"], "")
        shutil.rmtree(IMAGE)
        assert refused(run)


@pytest.mark.thorough
def test_the_image_of_another_graph_does_not_answer_while_this_one_is_written(hosts, run):
    write("c")
    run("load", "c.json", "--graph", "other.duckdb")
    shutil.copy("other.duckdb", GRAPH)
    with held_open():
        assert refused(run)
    assert hosts() == (["c"], "")


@pytest.mark.thorough
def test_half_an_image_does_not_answer(hosts, run, monkeypatch):
    monkeypatch.setattr(beside, "AT_ONCE", 1)
    projected, codes = Beside._project, []
    ask = "import sys\nfrom secgraph.cli import main\nsys.exit(main(['query', 'FIND Host']))"

    def then_ask(self: Beside, ids: Sequence[str]) -> None:
        projected(self, ids)
        codes.append(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False).returncode)

    monkeypatch.setattr(Beside, "_project", then_ask)
    assert run("image", "rebuild")[0] == 0
    assert codes == [2, 2]
    assert hosts() == (["a", "b"], "")


@pytest.mark.parametrize("dies", [False, True])
def test_a_clock_that_was_set_back_loses_no_change(run, monkeypatch, dies):
    ahead = clock.now() + 3_600_000
    for name, now in (("old", ahead), ("new", ahead - 3_600_000)):
        monkeypatch.setattr(clock, "now", lambda text=None, now=now: now)
        if dies and name == "new":
            monkeypatch.setattr(Beside, "_project", _die)
        write("a", displayName=name)
        with nullcontext() if name == "old" or not dies else pytest.raises(Died):
            run("load", "a.json")
    shown = run("query", "FIND Host WITH name='a' RETURN Host.displayName", "--format", "csv")
    assert shown[1].split()[1:] == ["new"]


def _die(*_: object) -> None:
    raise Died


@pytest.mark.thorough
def test_damage_is_told_and_mended(hosts, run):
    for name in ("c", "d"):
        run("image", "compact")
        write(name)
        run("load", f"{name}.json")
    (newest,) = IMAGE.glob("bases/2-*/")
    for file in newest.glob("entities*"):
        file.unlink()
    found, said = hosts()
    assert found == ["a", "b", "c", "d"]
    assert "entities-0.parquet is not there. The base before it" in said
    code, out, err = run("image", "verify")
    assert (code, out[:10]) == (2, "4 entities")
    assert "entities-0.parquet" in err
    code, out, _ = run("image", "compact")
    assert code == 0
    assert "left behind: " in out
    assert hosts() == (["a", "b", "c", "d"], "")
    (IMAGE / "manifest.json").write_bytes(b"no manifest")
    assert run("query", "FIND Host")[0] == 2
    assert run("image", "rebuild")[0] == 0
    assert hosts() == (["a", "b", "c", "d"], "")


def test_verify_names_what_differs(hosts, run):
    with duckdb.connect(str(GRAPH)) as connection:
        connection.execute('UPDATE item SET body = replace(body, \'"name":"a"\', \'"name":"z"\')')
    code, out, _ = run("image", "verify")
    assert code == 2
    assert out.splitlines()[0].endswith(": properties: name")
    assert "1 thing differs" in out


def test_an_empty_graph_has_nothing_to_say(run):
    Path("bad.json").write_text("{}")
    run("ingest", "bad.json")
    assert run("query", "FIND Host", "--format", "csv")[2] == ""
    assert run("image", "status")[1] == "there is no image yet\n"
    assert run("image", "rebuild")[:2] == (0, "there is nothing in the graph yet\n")
    assert run("image", "verify")[:2] == (
        0,
        "0 entities and 0 relationships: the same in the graph and in its image\n",
    )
    for command in ("status", "compact", "rebuild", "verify"):
        assert run("image", command, "--graph", "none.duckdb")[0] == 2
    assert not Path("none.duckdb").exists()


def test_a_long_ingest_projects_as_it_goes(run, monkeypatch):
    monkeypatch.setattr(gather, "BATCH", 1)
    monkeypatch.setattr(gather, "AT_ONCE", 2)
    demo = Path(__file__).parent.parent.parent / "examples" / "demo"
    run("ingest", demo)
    assert deltas() > 2
    assert run("image", "verify")[0] == 0


def test_what_is_due_is_compacted(run, monkeypatch):
    monkeypatch.setattr(plan, "DUE_ROWS", 2)
    for name in ("a", "b"):
        write(name)
        run("load", f"{name}.json")
    assert json.loads(run("image", "status", "--format", "json")[1])["generation"] == 1
