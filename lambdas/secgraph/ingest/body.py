"""A JSON object of an event, read with its path at hand: absent and null are None, a wrong type an error.

What is empty says nothing of its type: `[]` is read as a missing object too, and `{}` as a missing list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from secgraph.errors import EventError
from secgraph.ingest import timestamps, values

_NUMERIC: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_NOT_IN_KEYS: Final = re.compile("[|\x00-\x1f\x7f\ud800-\udfff]")
_KEY_LIMIT: Final = 2_048


@dataclass(frozen=True, slots=True)
class Body:
    """One object and its dotted path (`detail.service.action`). A missing object reads as an empty one."""

    held: Mapping[str, object]
    path: str

    def __bool__(self) -> bool:
        """Tell whether the object says anything."""
        return bool(self.held)

    def at(self, name: str) -> str:
        """Give the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str | None:
        """Read a text; a number or boolean is read as its text, a blank text as absent."""
        held = self.held.get(name)
        if held is None:
            return None
        if type(held) is str:  # without its path, which only an error needs
            return held if held.strip() else None
        return self._text(held, self.at(name))

    def required(self, name: str) -> str:
        """Read a text that must be there."""
        held = self.text(name)
        if held is None:
            raise EventError("is missing or empty, and nothing can be stored without it", self.at(name))
        return held

    def identifier(self, name: str) -> str | None:
        """Read a text that becomes part of a key."""
        held = self.text(name)
        return None if held is None else checked_identifier(held, self.at(name))

    def secondary(self, name: str) -> str | None:
        """Read a text that names another thing than the finding and what it affects; None if it cannot be
        part of a key, as the name of a key pair may not. A real finding is not refused for that."""
        held = self.text(name)
        return held if held is None or is_identifier(held) else None

    def number(self, name: str) -> int | float | None:
        """Read a number, or a text that is one."""
        held = self.held.get(name)
        if held is None or held == "":
            return None
        path = self.at(name)
        if isinstance(held, str) and _NUMERIC.fullmatch(held):
            held = float(held) if "." in held else int(held)
        if isinstance(held, bool) or not isinstance(held, int | float):
            raise EventError(f"expected a number, got {kind_of(held)}", path)
        try:
            return values.number(held)
        except ValueError as error:
            raise EventError(f"{error} (NaN, infinite, or beyond 2^53)", path) from error

    def flag(self, name: str) -> bool | None:
        """Read a boolean, or the text `true` or `false`."""
        held = self.held.get(name)
        if held is None or held == "":
            return None
        if isinstance(held, bool):
            return held
        if isinstance(held, str) and held.lower() in ("true", "false"):
            return held.lower() == "true"
        raise EventError(f"expected true or false, got {kind_of(held)}", self.at(name))

    def moment(self, name: str) -> int | None:
        """Read a moment as epoch milliseconds."""
        held = self.held.get(name)
        if held is None or held == "":
            return None
        try:
            return timestamps.milliseconds(held)
        except ValueError as error:
            raise EventError(
                f"{str(held)[:60]!r} is no moment; expected such as 2024-09-04T16:59:44.356Z", self.at(name)
            ) from error

    def body(self, name: str) -> Body:
        """Read an object."""
        return _body(self.held.get(name), self.at(name))

    def bodies(self, name: str) -> tuple[Body, ...]:
        """Read a list of objects; null members are skipped."""
        if not (members := self._list(name)):
            return ()
        path = self.at(name)
        found = [_body(member, f"{path}[{n}]") for n, member in enumerate(members)]
        return tuple(body for body in found if body.held)

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a list of texts; null and blank members are skipped."""
        if not (members := self._list(name)):
            return ()
        path = self.at(name)
        found = [self._text(member, f"{path}[{n}]") for n, member in enumerate(members)]
        return tuple(held for held in found if held is not None)

    def identifiers(self, name: str) -> tuple[str, ...]:
        """Read a list of texts that become parts of keys."""
        return tuple(checked_identifier(held, self.at(name)) for held in self.texts(name))

    def secondaries(self, name: str) -> tuple[str, ...]:
        """Read a list of such texts, as far as they can be part of a key."""
        return tuple(held for held in self.texts(name) if is_identifier(held))

    def json(self, name: str) -> str | None:
        """Give a field, whatever it is, as JSON text with sorted keys; None for null and empty objects."""
        held = self.held.get(name)
        return json_text(held, self.at(name)) if held or held in (0, False) else None

    def _list(self, name: str) -> list[object]:
        held = self.held.get(name)
        if held is None or held == "" or held == {}:
            return []
        if not isinstance(held, list):
            raise EventError(f"expected a list, got {kind_of(held)}", self.at(name))
        return held

    @staticmethod
    def _text(held: object, path: str) -> str | None:
        if held is None:
            return None
        if isinstance(held, str):
            return held if held.strip() else None
        if isinstance(held, bool):
            return "true" if held else "false"
        if isinstance(held, int | float):
            return str(int(held)) if isinstance(held, float) and held.is_integer() else str(held)
        raise EventError(f"expected a text, got {kind_of(held)}", path)


def checked_identifier(held: str, path: str) -> str:
    """Give the text back if it can be part of a key: no `|`, no control character, at most 2,048 long."""
    if len(held) > _KEY_LIMIT:
        raise EventError(f"is {len(held)} characters long; an identifier has at most {_KEY_LIMIT}", path)
    if _NOT_IN_KEYS.search(held):
        raise EventError(f"{held[:80]!r} holds a '|' or a control character and can be no identifier", path)
    return held


def is_identifier(held: str) -> bool:
    """Tell whether a text can be part of a key."""
    return len(held) <= _KEY_LIMIT and not _NOT_IN_KEYS.search(held)


def json_text(held: object, path: str) -> str:
    """Write a value as JSON text with sorted keys."""
    try:
        return json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise EventError("is nested too deeply", path) from error


def kind_of(held: object) -> str:
    """Name the JSON kind of a value for a person."""
    if held is None:
        return "null"
    if isinstance(held, bool):
        return "a boolean"
    if isinstance(held, int | float):
        return "a number"
    if isinstance(held, str):
        return "a text"
    return "a list" if isinstance(held, list) else "an object"


def _body(held: object, path: str) -> Body:
    if held is None or held == "" or held == []:
        return _nothing(path)
    if type(held) is not dict and not isinstance(held, Mapping):
        raise EventError(f"expected an object, got {kind_of(held)}", path)
    return Body(held, path)


@lru_cache(maxsize=1_024)
def _nothing(path: str) -> Body:
    """Give the empty object at a path: most of the blocks that are looked for are absent from an event."""
    return Body({}, path)
