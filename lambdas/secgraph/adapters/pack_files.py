"""Rule packs on disk: files and folders in, (name, text) pairs out, as rules/pack.py takes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from secgraph.errors import PackError

SCHEMA: Final = "schema.json"
"""Describes the packs and is none."""


def read_packs(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Read the pack files among `paths`, and those that lie directly in a folder among them, by name.

    Bytes that are not UTF-8 come through as lone surrogates, which `load` reports with their line. Raises
    PackError for a path that is not there, a folder without packs, or a file that may not be read.
    """
    found: list[tuple[str, str]] = []
    for path in paths:
        if path.is_dir():
            files = sorted(each for each in path.glob("*.json") if each.name != SCHEMA)
            if not files:
                raise PackError("holds no rule pack; put *.json files directly into it", str(path))
        else:
            files = [path]
        found += [(each.name, _text(each)) for each in files]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise PackError(f"cannot be read: {error.strerror}", str(path)) from error
