"""A command line with a graph file of the test's own."""

from __future__ import annotations

import pytest

from secgraph.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Give a function that runs a command on a graph of the test's own: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECGRAPH_GRAPH", str(tmp_path / "test.duckdb"))

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
