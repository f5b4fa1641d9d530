"""Files and folders → the texts of single events. A file holds one JSON value, an array, or JSON lines.

A value that is the answer of a list call (GetFindings, ListFindings) is taken apart into its findings. Files
may be packed (.gz), as GuardDuty exports them. A record of the raw archive is an event with its receipt.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from secgraph.errors import InputError
from secgraph.ingest import answers, archive

SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
PACKED: Final = ".gz"


@dataclass(frozen=True, slots=True)
class EventText:
    """One event's text and where it stands: `file`, `file[3]` in an array, `file:7` in JSON lines,
    `file.Findings[3]` in an answer. `received_on` (epoch ms) is known of a record of the raw archive only."""

    where: str
    text: str
    received_on: int | None = None


def read(paths: Sequence[Path]) -> Iterator[EventText]:
    """Give the events of files and, below folders, of every .json, .jsonl and .ndjson file, by name.

    Raises InputError for a path that is not there, before anything is given, and StoreError for raw events of
    a later version. A text that is not JSON is
    given as it is: who parses it says what is wrong with it.
    """
    files = [file for path in paths for file in _files(path)]
    for file in files:
        yield from split(str(file), _text(file))


def split(where: str, text: str) -> list[EventText]:
    """Split a text into its events."""
    found = []
    for one in _values(where, text):
        record = archive.read_line(one.text, one.where)
        event, received_on = (one.text, None) if record is None else (record.body, record.received_on)
        found += [EventText(one.where + place, part, received_on) for place, part in answers.split(event)]
    return found


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
        found = sorted(file for file in path.rglob("*") if _is_named_so(file) and file.is_file())
        if not found:
            raise InputError(f"{path}: no {', '.join(SUFFIXES)} files in this folder")
        return found
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return [path]


def _is_named_so(file: Path) -> bool:
    return Path(file.name.lower().removesuffix(PACKED)).suffix in SUFFIXES


def _text(file: Path) -> str:
    try:
        held = file.read_bytes()
        if file.suffix.lower() == PACKED:
            held = gzip.decompress(held)
        utf16 = held.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        # A byte that is no UTF-8 is shown as U+FFFD: the event is still read, or quarantined whole.
        return held.decode("utf-16" if utf16 else "utf-8-sig", "replace")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{file}: is not the whole of a gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
