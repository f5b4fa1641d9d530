"""The command line: the same flows on one local graph file, without AWS. In: arguments. Out: an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from secgraph.cli import ask, demo, gather, rules
from secgraph.errors import SecgraphError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did its work, 2 for bad input with one message on stderr."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except SecgraphError as error:
        print(f"secgraph: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="secgraph", description="A security graph of AWS findings, asked in J1QL.", allow_abbrev=False
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--graph",
        type=Path,
        metavar="FILE",
        default=Path(os.environ.get("SECGRAPH_GRAPH") or "secgraph.duckdb"),
        help="the graph file (default: $SECGRAPH_GRAPH, else secgraph.duckdb)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (demo, gather, ask, rules):
        group.register(commands, shared)
    return parser
