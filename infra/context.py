"""What every reader of the CDK context needs: its error, JSON out of files, and truth values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """A context value that cannot be used: says which key, what is wrong and what to do instead."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"-c {key}: {problem}")


def read_json(key: str, file: Path) -> Any:
    """The JSON in a file that a context key names; a key written twice in one object is an error too."""
    try:
        return json_of(key, file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise SettingsError(key, f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(key, f"{file} is not UTF-8 text.") from error


def json_of(key: str, text: str, where: str) -> Any:
    """The JSON in a text, which the message calls `where`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(key, f"{where}: {json.dumps(twice[0])} stands there twice; keep one.")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise SettingsError(
            key, f"{where} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error


def flag(key: str, value: object) -> bool:
    """True or false, as the command line writes it or as JSON."""
    if value in (None, "", False, "false"):
        return False
    if value in (True, "true"):
        return True
    raise SettingsError(key, f"must be true or false, not {value!r}.")
