"""docs/findings.md is true: every example that it names is there, and each is named beside its type."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "findings.md").read_text("utf-8")
SECTIONS = {part.split("\n", 1)[0].lower(): part for part in re.split(r"^## ", TEXT, flags=re.M)[1:]}
ROWS = {
    source: [
        [re.findall(r"`([^`]+)`", cell) for cell in line.strip("| ").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| ") and "`" in line
    ]
    for source, section in SECTIONS.items()
}


def examples(source: str) -> dict[str, Path]:
    folder = ROOT / "tests" / "ingest" / source / "fixtures"
    return {path.name.removesuffix(".event.json"): path for path in folder.glob("*.event.json")}


@pytest.mark.parametrize("source", ["guardduty", "inspector"])
def test_every_example_is_there_and_named(source):
    named = [name for row in ROWS[source] for name in row[-1]]
    assert sorted(named) == sorted(examples(source))


def test_every_guardduty_example_is_of_a_type_of_its_row():
    found = examples("guardduty")
    for types, _, _, names in ROWS["guardduty"]:
        for name in names:
            event = json.loads(found[name].read_text("utf-8"))
            type_ = event.get("detail", event)["type"]
            assert any(fnmatchcase(type_, pattern) for pattern in types), f"{name}: {type_}"


def test_every_block_of_the_model_is_named():
    """AWS's own client knows the blocks that a finding may carry; none may be missing from the page."""
    from botocore.loaders import Loader

    shapes = Loader().load_service_model("guardduty", "service-2")["shapes"]
    blocks = {member["locationName"] for member in shapes["Resource"]["members"].values()}
    named = {name for row in ROWS["guardduty"] for name in row[1]}
    assert blocks - {"resourceType"} <= named
