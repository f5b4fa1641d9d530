"""`secgraph smart-classes`: a file of smart classes → what it defines, or what is wrong with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from secgraph.cli.files import text_of
from secgraph.j1ql.server.smart_classes import SmartClass, smart_classes_of


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    listing = commands.add_parser("smart-classes", parents=[shared], help="check a file of smart classes")
    listing.add_argument("file", type=Path, metavar="FILE")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)


def _list(arguments: argparse.Namespace) -> int:
    found = smart_classes_of(text_of(arguments.file), str(arguments.file)).defined.values()
    if arguments.json:
        print(json.dumps({"smartClasses": [_as_json(each) for each in found]}, indent=2, ensure_ascii=False))
        return 0
    for each in found:
        print(f"#{each.name}")
        for checked in each.queries:
            print(f"  {checked.query}")
    return 0


def _as_json(each: SmartClass) -> dict[str, object]:
    queries = [str(checked.query) for checked in each.queries]
    return {"name": each.name, "queries": queries, "uses": list(each.uses)}
