"""docs/packs.md, as the packs make it: every rule of ours. `python -m tests.docs.packs` prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from secgraph.adapters.pack_files import read_packs
from secgraph.rules.pack import Pack, load_all
from secgraph.rules.rule import Interval, Rule

FOLDER: Final = Path(__file__).parent.parent.parent / "rule_packs"
EVERY: Final = {
    Interval.FIFTEEN_MINUTES: "15 minutes",
    Interval.ONE_HOUR: "hour",
    Interval.FOUR_HOURS: "4 hours",
}
HEAD: Final = """# The rules that come along

{count} rules in {packs} packs, each with the question that it asks and what to do when it fires. Made from
[rule_packs](../rule_packs/README.md), where the queries are and a case that proves each rule.
[rules.md](rules.md) says how rules work, and how to write your own.

“on change”: evaluated within a minute after something changed in the graph, and at its interval as well.
"""


def written() -> str:
    """Give the document."""
    packs = load_all(read_packs([FOLDER]))
    count = sum(len(pack.rules) for pack in packs)
    numbers = {5: "five"}
    head = HEAD.format(count=count, packs=numbers.get(len(packs), len(packs)))
    return "\n".join([head, *(line for pack in packs for line in _section(pack))])


def _section(pack: Pack) -> Iterator[str]:
    yield f"## {Path(pack.name).stem}\n"
    yield f"{_owned(pack.name)}\n"
    yield "| rule | level | every | what it tells | what to do |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in pack.rules:
        yield "| " + " | ".join(_cell(text) for text in _row(rule)) + " |"
    yield ""


def _row(rule: Rule) -> tuple[str, ...]:
    often = EVERY[rule.interval] + (", on change" if rule.evaluate_on_change else "")
    return f"`{rule.name}`", rule.level.name, often, rule.description, rule.remediation


def _owned(name: str) -> str:
    """Say what a pack is for, in the words of rule_packs/README.md."""
    (words,) = re.findall(
        rf"^\| `{re.escape(name)}` \| (.+?) \|", (FOLDER / "README.md").read_text("utf-8"), re.M
    )
    return f"{words[0].upper()}{words[1:]}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(written())
