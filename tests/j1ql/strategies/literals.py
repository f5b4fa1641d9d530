"""Literals: values as a query writes them, and the parameters that it may name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.j1ql.strategies.choices import Choices
from tests.j1ql.strategies.graphs import NUMBERS, TEXTS

PARAMETERS: dict[str, Any] = {
    "text": "a",
    "number": 1,
    "flag": True,
    "texts": ["a", "b"],
    "numbers": [1, 2.5],
    "mixed": [1, "a", True],
    "none": [],
    "nothing": None,
    "many": [*(f"t{number}" for number in range(20)), "a", *range(30, 50), 1, True],
}
REGEXES = (
    "a", "^a", "b$", "a|b", "[ab]", r"\d", r"\w\w", "a.b", "(a|é)b?", "^$", r"\s", "[^a]", "a{2,}",
    "(?:ab)+", r"\bb", "[[:alpha:]]", "É", r"[\w']+", "^(ab|a b)$", r"\\", "(?i)AB", ".", "b*",
)  # fmt: skip
MOMENTS = (
    "date.now", "date.now - 1 day", "date.now-1hr", "date.now + 12 hours", "date.now - 1 month",
    "date(2023)", "date(2023-11-14)", "date(2023-11-14T22:13:20Z)",
    "date(2023-11-14T23:13:20+01:00) - 1 week", "date.now - 2 years + 23 months",
)  # fmt: skip

EQUAL = ("=", "!=")
CONTAINS = ("~=", "!~=")
EDGES = ("^=", "!^=", "$=", "!$=")
ORDERS = (">", "<", ">=", "<=")

OPERATORS: dict[str, tuple[str, ...]] = {
    "text": (*EQUAL, *EQUAL, *CONTAINS, *EDGES, *ORDERS),
    "number": (*EQUAL, *EQUAL, *CONTAINS, *ORDERS),
    "boolean": (*EQUAL, *CONTAINS),
    "undefined": EQUAL,
    "regex": (*EQUAL, *CONTAINS, *EDGES),
    "moment": (*EQUAL, *CONTAINS, *ORDERS),
    "texts": (*EQUAL, *CONTAINS, *EDGES, *ORDERS),
    "numbers": (*EQUAL, *CONTAINS, *ORDERS),
    "mixed": (*EQUAL, *CONTAINS),
    "nothing": EQUAL,
}
"""Which operators take what."""


class Literals:
    """Writes values, rather those that the graph holds. `held` are its values by property."""

    def __init__(self, choices: Choices, held: dict[str, list[Any]]) -> None:
        self.choices = choices
        self._held = held

    def kind(self, path: str, kinds: Sequence[str]) -> str:
        """A kind of value to compare a property with: mostly one that it has, if it may be."""
        values = self._held.get(property_of(path))
        if values and self.choices.chance(7):
            kind = kind_of(self.choices.among(values))
            if kind == "text" and self.choices.chance(2):
                kind = "regex"
            if kind in kinds:
                return kind
        return self.choices.among(kinds)

    def _own(self, path: str, kind: str) -> list[Any]:
        return [value for value in self._held.get(property_of(path), ()) if kind_of(value) == kind]

    def text(self, path: str = "") -> str:
        return quoted(self.choices.among(self._own(path, "text") or TEXTS))

    def number(self, path: str = "") -> str:
        return repr(self.choices.among(self._own(path, "number") or NUMBERS))

    def boolean(self) -> str:
        return self.choices.of("true", "false")

    def regex(self, path: str = "") -> str:
        """One of REGEXES, or a letter that some value of the property begins with."""
        letters = [text[0] for text in self._own(path, "text") if text[:1].isalnum()]
        return f"/{self.choices.of(*REGEXES[:1], *letters, *REGEXES)}/{self.choices.of('', 'i')}"

    def moment(self) -> str:
        return self.choices.among(MOMENTS)

    def of(self, kind: str, path: str = "") -> str:
        """A value of a kind, rather one that the property has."""
        writers: dict[str, Callable[[], str]] = {
            "text": lambda: self.text(path),
            "number": lambda: self.number(path),
            "boolean": self.boolean,
            "regex": lambda: self.regex(path),
            "moment": self.moment,
        }
        return writers[kind]() if kind in writers else self.choices.of("undefined", "undefined", "null")

    def parameter(self, operator: str) -> str:
        """A parameter that the operator takes."""
        kinds = {"texts": "texts", "numbers": "numbers", "mixed": "mixed", "many": "mixed", "flag": "boolean",
                 "none": "text", "text": "text", "number": "number", "nothing": "nothing"}  # fmt: skip
        names = [name for name, kind in kinds.items() if operator in OPERATORS[kind]]
        return f"${{{self.choices.of('', 'param.')}{self.choices.among(names)}}}"


def property_of(path: str) -> str:
    """The property of `p`, `x.p`, `[x-y]` or `x.[x-y]`."""
    return path.rpartition("." if not path.endswith("]") else "[")[2].removesuffix("]")


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "boolean" if isinstance(value, bool) else "number"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
