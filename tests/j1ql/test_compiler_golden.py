"""What `explain` prints, kept as files. SECGRAPH_UPDATE_GOLDEN=1 writes them anew; read the difference."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.flows.ask import explain

HERE = Path(__file__).parent
QUERIES: dict[str, str] = json.loads((HERE / "golden.json").read_text())
FIXTURE = json.loads((HERE / "conformance.json").read_text())["fixture"]


@pytest.fixture(scope="module")
def reader(draw: Callable[..., DuckDBReader]) -> DuckDBReader:
    return draw(FIXTURE["entities"], FIXTURE["relationships"])


@pytest.mark.parametrize("name", QUERIES)
def test_plan_and_sql(reader: DuckDBReader, name: str) -> None:
    found = explain(QUERIES[name], reader=reader, now=0) + "\n"
    kept = HERE / "golden" / f"{name}.txt"
    if os.environ.get("SECGRAPH_UPDATE_GOLDEN"):
        kept.write_text(found)
    assert found == kept.read_text()


def test_every_golden_file_has_its_query() -> None:
    assert {path.stem for path in (HERE / "golden").iterdir()} == set(QUERIES)


@pytest.mark.parametrize("name", QUERIES)
def test_no_value_stands_in_the_sql(name: str) -> None:
    sql = (HERE / "golden" / f"{name}.txt").read_text().partition("\nparameters")[0].partition("\n\n")[2]
    for value in ("high", "alice", "sg'", "Prod'", "400", "22"):
        assert value not in sql
