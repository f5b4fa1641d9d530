"""The local graph file: locked, foreign, missing and damaged files; quarantine."""

from __future__ import annotations

import json
import subprocess
import sys
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


@pytest.mark.parametrize("format_", [1, 2])
def test_a_file_of_an_older_format_is_laid_out_anew_when_it_is_opened_for_writing(tmp_path, format_):
    """What its items say is shown as this version shows it; a reader sees it as it was."""
    path = tmp_path / "graph.duckdb"
    known = {"_class": ["Host"], "instanceType": "m6i.large"}
    blocks = {
        "inspector2/awsEc2Instance": {"time": 9, "properties": known},
        "guardduty/locates/x": {"time": 0, "properties": {}, "edges": [["LOCATES", ">", "y", "y", "t"]]},
    }
    thing = {"id": "x", "key": "x", "type": "aws_instance", "rev": 1, "version": 1}
    body = json.dumps({"v": 1, **thing, "createdOn": 1, "beginOn": 1, "blocks": blocks})
    old = items_of({"entities": [{"_id": "x", "_key": "x", "_type": "t", "_class": "C"}]}, now=1)
    with LocalGraph.open(path) as graph:
        graph.write(old)
        graph.connection.execute("UPDATE item SET body = ?", [body])
        graph.connection.execute("UPDATE graph_file SET format = ?", [format_])
    shown = 'SELECT _type FROM (SELECT "_type#s" AS _type FROM entity)'
    for read_only, type_ in ((True, "t"), (False, "aws_instance"), (True, "aws_instance")):
        with LocalGraph.open(path, read_only=read_only) as graph:
            assert graph.connection.execute(shown).fetchall() == [(type_,)]
            assert graph.relations.catalogue().verbs == set()
            assert len(graph.items()) == 1
    with duckdb.connect(str(path)) as opened:
        assert opened.execute("SELECT format FROM graph_file").fetchall() == [(3,)]
