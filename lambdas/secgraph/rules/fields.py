"""Reading JSON by hand: an object in, typed fields out; each problem is noted with place and remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from secgraph.errors import PackError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

SHOWN: Final = 60
"""Characters of a wrong value that a problem quotes."""


class Repeated(dict[str, Json]):
    """A JSON object in which some names were written twice; the last value counts."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        """Build an object from its pairs, in the order written (the `object_pairs_hook` of json)."""
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        marked = cls(pairs)
        times = Counter(name for name, _ in pairs)
        marked.names = tuple(name for name, count in times.items() if count > 1)
        return marked


_KINDS: Final = {
    dict: "an object",
    Repeated: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}


class Fields:
    """One JSON object under reading. Asking for a field marks it known; `rest` gives the unknown ones.

    A null counts as absent, since exported rules write one for every field that was never set.
    """

    def __init__(self, raw: Mapping[str, Json], where: str, problems: list[PackError]) -> None:
        self.raw = raw
        self.where = where
        self._problems = problems
        self._asked: set[str] = set()
        if isinstance(raw, Repeated):
            for name in raw.names:
                self.problem(name, "is written twice in one object; keep one of them")

    def at(self, name: str) -> str:
        """Say where a field stands."""
        return f"{self.where}, {name}" if name else self.where

    def problem(self, name: str, reason: str) -> None:
        """Note what is wrong with a field and what to do about it."""
        self._problems.append(PackError(reason, self.at(name)))

    def has(self, name: str) -> bool:
        """Tell whether a field is there and not null."""
        return self.raw.get(name) is not None

    def value(self, name: str) -> Json:
        """Give a field as it is; None if absent."""
        self._asked.add(name)
        return self.raw.get(name)

    def text(self, name: str, *, limit: int, required: str = "") -> str | None:
        """Give a string of at most `limit` characters. `required` is the remedy when it is missing."""
        value = self.value(name)
        if value is None:
            if required:
                self.problem(name, f"is missing; {required}")
            return None
        if not isinstance(value, str):
            self._wrong(name, value, "a string")
            return None
        if required and not value.strip():
            self.problem(name, f"is empty; {required}")
            return None
        if len(value) > limit:
            self.problem(name, f"has {len(value)} characters; shorten it to {limit}")
            return None
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            self.problem(name, "holds half of a character (a lone surrogate); write the whole character")
            return None
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Give one of `choices`."""
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            self.problem(name, f"is {shown(value)}; write one of {', '.join(choices)}")
            return default
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give a boolean."""
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._wrong(name, value, "true or false")
            return default
        return value

    def number(self, name: str) -> int | None:
        """Give a whole number."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(name, value, "a whole number")
            return None
        return value

    def texts(self, name: str, *, limit: int) -> tuple[str, ...]:
        """Give an array of strings."""
        value = self.value(name)
        if value is None:
            return ()
        members = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(members) != len(value):
            self._wrong(name, value, "an array of strings")
            return ()
        if len(value) > limit:
            self.problem(name, f"has {len(value)} members; keep at most {limit}")
            return ()
        return tuple(members)

    def pairs(self, name: str) -> dict[str, str]:
        """Give an object whose values are strings."""
        held = self.object(name)
        if held is None:
            return {}
        found = {key: value for key, value in held.raw.items() if isinstance(value, str)}
        if len(found) != len(held.raw):
            self._wrong(name, dict(held.raw), "an object of strings")
        return found

    def objects(self, name: str, *, limit: int) -> list[Fields]:
        """Give an array of objects, each ready to be read."""
        value = self.value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(name, value, "an array of objects")
            return []
        if len(value) > limit:
            self.problem(name, f"has {len(value)} members; keep at most {limit}")
            return []
        found = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                found.append(Fields(item, self.at(f"{name}[{index}]"), self._problems))
            else:
                self._wrong(f"{name}[{index}]", item, "an object")
        return found

    def object(self, name: str) -> Fields | None:
        """Give an object, ready to be read."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(name, value, "an object")
            return None
        return Fields(value, self.at(name), self._problems)

    def rest(self) -> dict[str, Json]:
        """Give the fields that nobody asked for."""
        return {name: value for name, value in self.raw.items() if name not in self._asked}

    def _wrong(self, name: str, value: Json, wanted: str) -> None:
        self.problem(name, f"is {kind(value)}; write {wanted}")


def kind(value: Json) -> str:
    """Say what a JSON value is."""
    return _KINDS.get(type(value), "a number")


def shown(value: Json) -> str:
    """Quote a wrong value, shortened."""
    text = repr(value) if isinstance(value, str) else f"{kind(value)} ({value!r})"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
