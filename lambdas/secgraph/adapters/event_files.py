"""Files and folders → the texts of single events. A file holds one JSON value, an array, or JSON lines.

A value that is the answer of a list call (GetFindings, ListFindings) is taken apart into its findings.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from secgraph.errors import InputError
from secgraph.ingest import answers

SUFFIXES: Final = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class EventText:
    """One event's text and where it stands: `file`, `file[3]` in an array, `file:7` in JSON lines,
    `file.Findings[3]` in an answer."""

    where: str
    text: str


def read(paths: Sequence[Path]) -> Iterator[EventText]:
    """Give the events of files and, below folders, of every .json, .jsonl and .ndjson file, by name.

    Raises InputError for a path that is not there, before anything is given. A text that is not JSON is
    given as it is: who parses it says what is wrong with it.
    """
    files = [file for path in paths for file in _files(path)]
    for file in files:
        yield from split(str(file), _text(file))


def split(where: str, text: str) -> list[EventText]:
    """Split a text into its events."""
    return [
        EventText(one.where + place, part)
        for one in _values(where, text)
        for place, part in answers.split(one.text)
    ]


def _values(where: str, text: str) -> list[EventText]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _lines(where, text)
    if isinstance(whole, list):
        return [EventText(f"{where}[{number}]", json.dumps(one)) for number, one in enumerate(whole)]
    return [EventText(where, text)]


def _lines(where: str, text: str) -> list[EventText]:
    """Take a text that is not one JSON value as JSON lines if any line is an event, else as one event.

    The lines of a longer event that was cut off are indented: none at the margin is an object by itself.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) < 2 or not any(_is_object(line) for _, line in lines):
        return [EventText(where, text)]
    return [EventText(f"{where}:{number}", line) for number, line in lines]


def _is_object(line: str) -> bool:
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not found:
            raise InputError(f"{path}: no {', '.join(SUFFIXES)} files in this folder")
        return found
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return [path]


def _text(file: Path) -> str:
    try:
        held = file.read_bytes()
        utf16 = held.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        # A byte that is no UTF-8 is shown as U+FFFD: the event is still read, or quarantined whole.
        return held.decode("utf-16" if utf16 else "utf-8-sig", "replace")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
