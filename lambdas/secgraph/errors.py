"""Every error that secgraph raises on purpose.

SecgraphError
├── InputError             what a person or an upstream service handed in is wrong
│   ├── EventError         an event that cannot become graph changes; it is quarantined
│   ├── QueryError         a J1QL text, with code, position and remedy (j1ql.md section 17)
│   ├── PackError          a rule pack or one of its rules
│   └── SettingsError      configuration: accounts file, packs folder, environment
├── StoreError             the place where the graph or the alerts are kept
│   ├── StoreLocked        another process holds the local graph file
│   ├── StoreTooLarge      more than the memory that this reader may use
│   ├── StoreUnavailable   the store did not answer, or gave up on part of a batch
│   ├── ObjectMissing      an object of the image is not there
│   └── ObjectDamaged      an object of the image is not what was written
├── SourceError            the API of a source of findings did not answer, or refused
│   └── CursorExpired      it does not know any more where a listing stood
└── ChannelError           a channel to people did not take a message
"""

from __future__ import annotations

from dataclasses import dataclass


class SecgraphError(Exception):
    """The root; `str()` is one or more full sentences for a person."""


class InputError(SecgraphError):
    """Bad input: says which file or field, where, and what to do instead."""


class EventError(InputError):
    """An event that cannot become graph changes. `path` is the dotted field at fault, or empty."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


@dataclass(frozen=True, slots=True)
class Position:
    """A stretch of query text: line and column from 1 in code points, length in code points."""

    line: int
    column: int
    length: int = 1


class QueryError(InputError):
    """A J1QL error. `code` is one of LEX SYNTAX NAME AMBIGUOUS DUPLICATE TYPE RANGE PARAM SUBQUERY
    LIMITS, or UNSUPPORTED for a construct that this version parses and does not run."""

    def __init__(
        self,
        code: str,
        message: str,
        at: Position,
        *,
        expected: str = "",
        suggestion: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.expected = expected
        self.suggestion = suggestion


class PackError(InputError):
    """A rule pack that cannot be used. `where` names file, rule and field as far as known."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.where = where


class SettingsError(InputError):
    """Configuration that cannot be used."""


class StoreError(SecgraphError):
    """The graph or alert store failed."""


class StoreLocked(StoreError):  # noqa: N818 (reads as a state, as in the tree above)
    """Another process holds the local graph file."""


class StoreTooLarge(StoreError):  # noqa: N818
    """The graph, with what changed, is more than the memory that this reader may use."""


class StoreUnavailable(StoreError):  # noqa: N818
    """The store did not answer, or refused part of a batch after every retry."""


class ObjectMissing(StoreError):  # noqa: N818
    """An object of the image is not there; the text names it."""


class ObjectDamaged(StoreError):  # noqa: N818
    """An object of the image is not what was written; the text names it, and the place in it."""


class SourceError(SecgraphError):
    """The API of a source of findings did not answer, or refused; the text says which call and why.
    `refused`: it will refuse again until somebody changes a permission or a setting."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class CursorExpired(SourceError):  # noqa: N818 (reads as a state, as in the tree above)
    """The source does not know any more where a listing stood: it is to begin anew."""


class ChannelError(SecgraphError):
    """A channel did not take a message; it stays pending. `retry_after` is how long it asks to wait, in
    milliseconds; `final`: the same message will never be taken."""

    def __init__(self, message: str, *, retry_after: int | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.final = final
