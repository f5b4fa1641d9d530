"""docs/operations.md is true: its commands are ones that there are, its query finds what it is about.

What the commands do to a stack is tried in tests/e2e and, against functions that answer, in tests/cli.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from secgraph.cli import _parser
from secgraph.flows.asking import compile_query
from secgraph.sources.standing import State

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.M | re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("secgraph ")]
COMMANDS += re.findall(r"`(secgraph [a-z][^`]*--stack [^`]*)`", TEXT)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one_that_there_is(command: str) -> None:
    arguments = _parser().parse_args(shlex.split(command)[1:])
    assert callable(arguments.run)


def test_each_command_for_a_stack_is_tried() -> None:
    tried = "".join(
        path.read_text("utf-8")
        for name in ("cli", "e2e")
        for path in sorted((ROOT / "tests" / name).glob("*.py"))
    )
    for command in COMMANDS:
        if "--stack" in command:
            verb = shlex.split(command)[1]
            assert re.search(rf'"{verb}"', tried), command


def test_its_query_can_be_asked_and_its_states_are_those_that_there_are() -> None:
    (query,) = re.findall(r"^```j1ql\n(.*?)^```$", TEXT, re.M | re.S)
    compile_query(query)
    assert re.findall(r"^\| (on|off|unreachable) \|", TEXT, re.M) == [state.value for state in State]


def test_the_rules_that_it_names_are_in_the_packs() -> None:
    pack = (ROOT / "rule_packs" / "coverage.json").read_text("utf-8")
    named = set(re.findall(r"`(source-[a-z-]+)`", TEXT))
    assert len(named) == 5
    assert all(f'"{name}"' in pack for name in named)
