"""Is the comparison any good? Each fault of faults.jsonl, made in a copy of the package, must be noticed.

A fault names its file, the text there (once), what to put in its place, and the rule that it breaks. A rare
one names the seed of questions among which it is soon met; with any other the same takes longer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import secgraph
from tests.j1ql.answers import Case, lines_of

PACKAGE: Final = Path(secgraph.__file__).parent
ROOT: Final = Path(__file__).parents[2]
FAULTS: Final = lines_of("faults.jsonl")
EXAMPLES: Final = 500
_ABOUT_BYTECODE: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


def of_rule(fault: Case) -> str:
    return str(fault["why"])


@pytest.mark.parametrize("fault", FAULTS, ids=of_rule)
def test_a_fault_can_be_made(fault: Case) -> None:
    assert (PACKAGE / fault["file"]).read_text("utf-8").count(fault["from"]) == 1
    assert fault["to"] != fault["from"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its bytecode beside it: each fault then compiles one file instead of all."""
    copy = tmp_path_factory.mktemp("package") / "secgraph"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(copy)], env=_environment(copy), check=True)
    return copy


def _environment(copy: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _ABOUT_BYTECODE}
    return {**kept, "PYTHONPATH": str(copy.parent)}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", FAULTS, ids=of_rule)
def test_a_fault_is_noticed(fault: Case, tmp_path: Path, compiled: Path) -> None:
    copy = tmp_path / "secgraph"
    shutil.copytree(compiled, copy)
    changed = copy / fault["file"]
    changed.write_text(changed.read_text("utf-8").replace(fault["from"], fault["to"]), "utf-8")
    tried = subprocess.run(
        [sys.executable, "-m", "tests.j1ql.comparison", str(EXAMPLES), str(fault.get("seed", 1))],
        cwd=ROOT,
        env=_environment(copy),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
    found = json.loads(tried.stdout)
    assert Path(found["package"]).parent == copy
    assert found["difference"] is not None
