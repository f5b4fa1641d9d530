"""The local graph file: locked, foreign, missing and damaged files; quarantine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import InputError, StoreError, StoreLocked, StoreUnavailable
from secgraph.graph.loading import items_of
from secgraph.ingest.ports import Quarantined


def test_a_locked_file_is_a_clear_error(tmp_path):
    path = tmp_path / "graph.duckdb"
    hold = (
        "import sys\nfrom pathlib import Path\nfrom secgraph.adapters.local_graph import LocalGraph\n"
        f"with LocalGraph.open(Path({str(path)!r})):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for read_only in (False, True):
            with pytest.raises(StoreLocked, match="another process has this graph file open"):
                LocalGraph.open(path, read_only=read_only)
        holder.communicate()
    with LocalGraph.open(path):
        pass


def test_rows_lie_in_groups_small_enough_for_every_core(tmp_path):
    path = tmp_path / "it's ‘graph’;.duckdb"
    with LocalGraph.open(path) as graph:
        graph.connection.execute("INSERT INTO item SELECT range::VARCHAR, 1, '' FROM range(70_000)")
    with LocalGraph.open(path, read_only=True) as graph:
        groups = graph.connection.execute(
            "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('item')"
        ).fetchone()
    assert groups == (3,)


def test_a_missing_file_is_not_made_by_a_reader(tmp_path):
    with pytest.raises(InputError, match="there is no graph here yet"):
        LocalGraph.open(tmp_path / "none.duckdb", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than the header of one " * 200)
    with pytest.raises(InputError, match=r"notes\.txt: this cannot be opened as a secgraph graph file"):
        LocalGraph.open(path)
    assert path.read_text().startswith("not a database")


def test_another_duckdb_file_is_left_alone(tmp_path):
    path = tmp_path / "sales.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE sale (id INTEGER)")
    with pytest.raises(InputError, match="is not a secgraph graph"):
        LocalGraph.open(path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("sale",)]


def test_a_later_format_is_refused(tmp_path):
    path = tmp_path / "graph.duckdb"
    LocalGraph.open(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE graph_file SET format = 99")
    with pytest.raises(StoreError, match="the file has format 99"):
        LocalGraph.open(path)


def test_quarantine_keeps_each_event_once(tmp_path):
    one = Quarantined("a" * 64, "detail.id: missing", '{"detail": {}}', 5)
    other = Quarantined("b" * 64, "not JSON", '{"detail"', 4)
    with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
        graph.put([one, other, one])
        graph.put([one])
        assert graph.quarantined() == [other, one]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"the folder .*none is not there"):
        LocalGraph.open(tmp_path / "none" / "graph.duckdb")


@pytest.mark.parametrize("name", [":memory:", "md:graph", "s3:graph"])
def test_a_name_that_means_something_else_to_duckdb_is_a_file_all_the_same(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    LocalGraph.open(Path(name)).close()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_store_that_cannot_be_written_says_so_and_keeps_nothing(tmp_path):
    path = tmp_path / "graph.duckdb"
    LocalGraph.open(path).close()
    with LocalGraph.open(path, read_only=True) as graph:
        with pytest.raises(StoreUnavailable, match=r"the graph file cannot be used: .*read-only"):
            graph.write(items_of({"entities": [{"_key": "a", "_type": "t", "_class": "C"}]}, now=1))
        with pytest.raises(StoreUnavailable, match="read-only"):
            graph.put([Quarantined("a" * 64, "no reason", "{}", 5)])
        assert graph.items() == []


OLD = """
CREATE TABLE graph_file (format INTEGER);
INSERT INTO graph_file VALUES ({});
CREATE TABLE item (id VARCHAR, rev BIGINT, body VARCHAR);
CREATE TABLE quarantine (id VARCHAR, reason VARCHAR, body VARCHAR, received_on BIGINT);
INSERT INTO quarantine VALUES ('q', 'no reason', '{{}}', 5);
CREATE TABLE relations_format (version INTEGER, stamp VARCHAR);
CREATE TABLE node (id BIGINT, key VARCHAR);
CREATE TABLE entity (id BIGINT, sort INTEGER, deleted BOOLEAN, "_id#s" VARCHAR);
CREATE TABLE entity_document (id BIGINT, body VARCHAR, text VARCHAR);
CREATE TABLE relationship (id BIGINT, owner BIGINT, class VARCHAR, src BIGINT, dst BIGINT, deleted BOOLEAN);
CREATE TABLE relationship_document (id BIGINT, body VARCHAR);
CREATE TABLE known_sort (number INTEGER, type VARCHAR, classes VARCHAR[]);
CREATE TABLE known_property (record VARCHAR, name VARCHAR, kind VARCHAR);
CREATE TABLE known_verb (verb VARCHAR);
"""
TABLES = {"graph_file", "image", "item", "quarantine", "unprojected"}


@pytest.fixture(params=[1, 2, 3])
def old_file(request, tmp_path):
    """A file of an older format, with an item of its time and all the tables that queries read."""
    path = tmp_path / "graph.duckdb"
    blocks = {"inspector2/awsEc2Instance": {"time": 9, "properties": {"_class": ["Host"]}}}
    thing = {"id": "x", "key": "x", "type": "aws_instance", "rev": 1, "version": 1}
    body = json.dumps({"v": 1, **thing, "createdOn": 1, "beginOn": 1, "blocks": blocks})
    with duckdb.connect(str(path)) as opened:
        opened.execute(OLD.format(request.param))
        opened.execute("INSERT INTO item VALUES ('x', 1, ?)", [body])
    return path


def tables(path):
    with duckdb.connect(str(path)) as opened:
        return {name for (name,) in opened.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def test_an_older_file_is_read_as_it_is(old_file):
    before = old_file.read_bytes()
    with LocalGraph.open(old_file, read_only=True) as graph:
        assert [item.thing.id for item in graph.items()] == graph.unprojected() == graph.ids() == ["x"]
        assert graph.image_mark() == ""
    assert old_file.read_bytes() == before


def test_an_older_file_gives_up_what_queries_read_when_it_is_opened_for_writing(old_file):
    with LocalGraph.open(old_file) as graph:
        assert graph.unprojected() == ["x"]
        assert [event.id for event in graph.quarantined()] == ["q"]
        graph.projected(["x"])
    assert tables(old_file) == TABLES
    with LocalGraph.open(old_file) as graph:
        assert graph.unprojected() == [], "a file is brought up to date once"
        assert [item.thing.id for item in graph.items()] == ["x"]


def test_an_older_file_that_cannot_be_brought_up_to_date_stays_old(old_file):
    with duckdb.connect(str(old_file)) as opened:
        opened.execute(
            "CREATE VIEW unprojected AS SELECT 1 AS id"
        )  # the last of what is made stands in the way
    before = tables(old_file)
    with pytest.raises(StoreUnavailable):
        LocalGraph.open(old_file)
    assert tables(old_file) == before


def test_what_is_written_is_to_be_projected_until_it_was(tmp_path):
    path = tmp_path / "graph.duckdb"
    drawn = [{"_key": key, "_type": "t", "_class": "C"} for key in ("c", "a", "b")]
    items = items_of({"entities": drawn}, now=1)
    c, a, b = [item.thing.id for item in items]
    with LocalGraph.open(path) as graph:
        graph.write(items[:2])
        graph.write(items[2:])
        assert graph.unprojected() == [c, a, b]
        graph.projected([c, b], mark="first")
        assert graph.write([items[0]]) == [c], "what lost is not written, so that there is nothing to project"
        assert (graph.unprojected(), graph.image_mark()) == ([a], "first")
        graph.write([replace(items[2], rev=2)])
    with LocalGraph.open(path, read_only=True) as graph:
        assert graph.unprojected() == [a, b]
    with LocalGraph.open(path) as graph:
        graph.unproject()
        assert (set(graph.unprojected()), graph.image_mark()) == ({a, b, c}, "")
