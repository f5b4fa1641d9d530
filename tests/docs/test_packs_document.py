"""docs/packs.md lists every rule of ours as it is, and the documents tell of every pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.packs import FOLDER, written

ROOT = Path(__file__).parent.parent.parent
PACKS = sorted(path.stem for path in FOLDER.glob("*.json") if path.name != "schema.json")


def test_the_list_of_rules_is_as_the_packs_make_it():
    document = (ROOT / "docs" / "packs.md").read_text("utf-8")
    assert document == written(), "write it anew: python -m tests.docs.packs > docs/packs.md"


@pytest.mark.parametrize("document", ["docs/rules.md", "rule_packs/README.md"])
def test_every_pack_is_told_of(document: str):
    text = (ROOT / document).read_text("utf-8")
    assert [pack for pack in PACKS if f"{pack}.json" not in text] == []
