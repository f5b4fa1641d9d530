"""The command line: the same flows on one local graph file, without AWS. In: arguments. Out: an exit code."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from secgraph.cli import alerts, ask, demo, gather, image, quarantine, replay, rules, smart_classes, status
from secgraph.errors import SecgraphError
from secgraph.j1ql.text.terminal import plain


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did its work, 2 for bad input with one message on stderr."""
    arguments = _parser().parse_args(argv)
    _print_any_text()
    try:
        code: int = arguments.run(arguments)
        print(end="", flush=True)
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (SecgraphError, OSError) as error:
        # It may quote the name of a file, which may hold anything.
        print("\n".join(map(plain, f"secgraph: {error}".split("\n"))), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _print_any_text() -> None:
    """Let a terminal or pipe that cannot show a character show its JSON escape, which JSON readers undo."""

    def escaped(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return json.dumps(error.object[error.start : error.end])[1:-1], error.end

    codecs.register_error("secgraph.json", escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="secgraph.json")


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
    for group in (demo, gather, quarantine, ask, rules, alerts, smart_classes, image, replay, status):
        group.register(commands, shared)
    return parser
