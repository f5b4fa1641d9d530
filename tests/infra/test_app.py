"""`app.py` as the CLI runs it: context by environment, template or one message out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import infra


def run(outdir: Path, context: dict[str, object]) -> subprocess.CompletedProcess[str]:
    # No stack is to be bundled, as for `cdk bootstrap`: nothing is built or installed.
    environment = {
        "PATH": os.environ["PATH"],
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": [], **context}),
    }
    command = [sys.executable, str(infra.ROOT / "app.py")]
    return subprocess.run(command, env=environment, cwd=outdir, capture_output=True, text=True, check=False)


def test_it_writes_the_template_without_building_what_no_command_needs(tmp_path: Path) -> None:
    file = tmp_path / "smart.json"
    file.write_text('{"version": 1, "smartClasses": {"Crown": ["FIND DataStore"]}}')
    done = run(tmp_path, {"smartClasses": str(file)})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "secgraph.template.json").read_text())["Outputs"]["QueryFunction"]


def test_a_wrong_file_of_smart_classes_is_told_before_anything_is_made(tmp_path: Path) -> None:
    file = tmp_path / "smart.json"
    file.write_text('{"version": 1, "smartClasses": {"Crown": ["FIND #Crown"]}}')
    done = run(tmp_path, {"smartClasses": str(file)})
    assert (done.returncode, done.stdout) == (2, "")
    says = f"-c smartClasses: {file}: a smart class cannot be made of itself: Crown → Crown\n"
    assert done.stderr == says


def test_a_wrong_setting_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = run(tmp_path, {"memory": "1GB"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "-c memory: must be a whole number of MB from 512 to 10240, not '1GB'.\n"
