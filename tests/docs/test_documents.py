"""The documents are true: every command in them is run, every link leads somewhere, every table is checked.

A block marked `console` holds commands (`$ …`) and what they print; `…` stands for anything. A command that
cannot run inside a test is named below, with the place that runs it instead. Those of the README run in a
shell, as a reader runs them; elsewhere `secgraph` runs in this process where no shell has a say in its words.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from secgraph.cli import main
from secgraph.flows.asking import compile_query
from secgraph.rules.check import check
from secgraph.rules.pack import load

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("docs", "lambdas", "infra", "tests", "rule_packs", "examples", "benchmarks")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(file for name in FOLDERS for file in (ROOT / name).rglob("*.md"))])
ELSEWHERE = {
    "make test": ".ci/run",
    "make test-asset": ".ci/run",
    "make e2e": ".ci/run",
    "make bootstrap": "tests/e2e",
    "make deploy": "tests/e2e",
    "aws lambda invoke": "tests/e2e",
}
"""Commands that a test cannot run in passing, and where they are run or why not."""


@dataclass(frozen=True)
class Command:
    where: str
    text: str
    output: str


def _commands(path: Path) -> list[Command]:
    found = []
    for block in re.finditer(r"^```console\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S):
        line = path.read_text("utf-8")[: block.start()].count("\n") + 2
        for part in re.split(r"^\$ ", block[1], flags=re.M)[1:]:
            text, _, output = part.partition("\n")
            while text.endswith("\\"):
                more, _, output = output.partition("\n")
                text = text[:-1] + more.strip()
            found.append(Command(f"{path.relative_to(ROOT)}:{line}", text, output))
    return found


def _documents_with_commands():
    """Give the commands of each document that has any to run here."""
    for path in DOCUMENTS:
        commands = [command for command in _commands(path) if _runs_elsewhere(command.text) is None]
        if commands:
            yield pytest.param(commands, id=str(path.relative_to(ROOT)))


def _runs_elsewhere(text: str) -> str | None:
    return next((place for start, place in ELSEWHERE.items() if re.match(rf"{start}\b(?!-)", text)), None)


def _pattern(output: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in output.strip().split("…")), re.S)


@pytest.mark.thorough
@pytest.mark.parametrize("commands", list(_documents_with_commands()))
def test_every_command_prints_what_the_document_says(commands, tmp_path, monkeypatch):
    for name in ("examples", "rule_packs"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECGRAPH_GRAPH", raising=False)
    for command in commands:
        printed = (_in_process if _is_plain(command) else _in_a_shell)(command).strip()
        assert _pattern(command.output).fullmatch(printed), (
            f"{command.where}: $ {command.text}\nprinted:\n{printed}\n\nthe document says:\n{command.output}"
        )


def _is_plain(command: Command) -> bool:
    """Tell whether it is `secgraph` with words in which a shell would replace and redirect nothing."""
    if not command.text.startswith("secgraph ") or command.where.startswith("README.md"):
        return False
    unquoted = re.sub(r"'[^']*'", "", command.text)
    return re.search(r"[$`\\!]", unquoted) is None and not set("|&;<>*?[]{}()#~\n") & set(
        re.sub(r'"[^"]*"', "", unquoted)
    )


def _in_process(command: Command) -> str:
    both = io.StringIO(newline=None)  # the line ends of CSV as of any text
    with redirect_stdout(both), redirect_stderr(both):
        main(shlex.split(command.text)[1:])
    return both.getvalue()


def _in_a_shell(command: Command) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    text = "secgraph demo" if command.text == "make demo" else command.text
    return subprocess.run(
        ["bash", "-c", f"{{ {text}; }} 2>&1"],
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    ).stdout


def test_both_ways_to_run_a_command_are_used():
    commands = [command for path in DOCUMENTS for command in _commands(path)]
    plain = [command for command in commands if _is_plain(command)]
    assert 15 < len(plain) < len(commands)
    entries = re.findall(r"^(\w+) = \"[\w.]+:main\"$", (ROOT / "pyproject.toml").read_text(), re.M)
    in_a_shell = [command.text.split()[0] for command in commands if command not in plain]
    assert set(entries) <= set(in_a_shell)
    assert entries


def test_commands_that_run_elsewhere_do_run_there():
    script = (ROOT / ".ci" / "run").read_text()
    for command, place in ELSEWHERE.items():
        assert (ROOT / place).exists(), f"{command}: {place} is not there"
        if place == ".ci/run":
            assert re.search(rf"^(begin \S+ (nice )?)?{command}( |$)", script, re.M)
    assert re.search(r"^demo:.*\n\t@\$\(VENV\)/bin/secgraph demo$", (ROOT / "Makefile").read_text(), re.M)


def test_the_rules_that_the_documents_show_run():
    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    shown = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    reports = check([load(pack, "shown") for pack in shown], compile_query=compile_query)
    assert [report.status for report in reports] == ["runs"] * len(shown)
    assert shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


def test_the_table_of_functions_is_true():
    from secgraph import contract

    rows = re.findall(r"^\| \w+ \|.*\| `(secgraph\.handlers[^`]+)` \| `([^`]+)` \|", _functions(), re.M)
    assert {handler for handler, _ in rows} == {
        contract.INGEST_HANDLER,
        contract.QUERY_HANDLER,
        contract.EVALUATE_HANDLER,
        contract.PROJECT_HANDLER,
        contract.COMPACT_HANDLER,
        contract.REBUILD_HANDLER,
        contract.NOTIFY_HANDLER,
        contract.TRIAGE_HANDLER,
        contract.RECONCILE_HANDLER,
        contract.STATUS_HANDLER,
        contract.REPLAY_HANDLER,
    }
    package = ROOT / "lambdas" / "secgraph"
    for handler, flow in rows:
        module = handler.rpartition(".")[0].replace(".", "/").removeprefix("secgraph/")
        source = (package / f"{module}.py").read_text()
        assert (package / flow).exists()
        flow_module = Path(flow).stem
        assert re.search(rf"from secgraph\.flows(\.{flow_module})? import", source), handler
    shared = {"__init__", "runtime", "alert_runtime", "source_runtime", "status_runtime"}
    assert {path.stem for path in (package / "handlers").glob("*.py")} - shared == {
        handler.split(".")[2] for handler, _ in rows
    }


def _functions() -> str:
    return (ROOT / "lambdas" / "README.md").read_text("utf-8")
