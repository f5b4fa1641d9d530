"""What alerts need from the outside: a place that keeps them, and a way to tell people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """One item of the alert store: JSON text under an id. `rev` counts the writes, from 1."""

    id: str
    rev: int
    body: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes out.

    `subject` is printable ASCII, 1 to 99 characters in one line; `body` is plain text. `attributes` are
    strings that subscribers may filter by. `id` names the transition: a message that is sent twice because
    an answer was lost carries the same one.
    """

    id: str
    subject: str
    body: str
    attributes: Mapping[str, str]


class AlertStore(Protocol):
    """The store of alerts, a small one: everything is read at once."""

    def read_all(self) -> Mapping[str, Stored]:
        """Give every item by id, consistently. Raises StoreError."""
        ...

    def read(self, id_: str) -> Stored | None:
        """Give one item, consistently. Raises StoreError."""
        ...

    def put(self, item: Stored) -> bool:
        """Write an item whose stored `rev` is `item.rev - 1` (none stored counts as 0).

        False means that another writer was faster and nothing was written. True also when an earlier try
        of this very write had succeeded without its answer arriving. Raises StoreError.
        """
        ...


class Notifier(Protocol):
    """A channel to people."""

    def publish(self, message: Message) -> None:
        """Hand a message over. Raises ChannelError if the channel did not take it."""
        ...
