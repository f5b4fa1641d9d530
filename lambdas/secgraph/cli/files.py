"""A file that a person names → its text, or its JSON value. Every mistake names the file and the place."""

from __future__ import annotations

import json
from pathlib import Path

from secgraph.errors import InputError


def text_of(file: Path) -> str:
    """Read a UTF-8 text, with or without a byte order mark."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error


def json_of(file: Path) -> object:
    """Read one JSON value."""
    try:
        return json.loads(text_of(file))
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise InputError(f"{file}: is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{file}: holds a number with too many digits") from error
