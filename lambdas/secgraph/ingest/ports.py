"""What comes in, and what ingest needs besides the graph: the raw archive, and a place for what it could not
understand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """A text as it came: a name for the report, the text, and when it was first received (epoch ms).

    It is one event, or an answer of many; `place` tells where in the text that came a single event of it
    stands. `problem` says what is wrong with the delivery itself, whatever its text; such a one is
    quarantined.
    """

    id: str
    body: str
    received_on: int
    problem: str = ""
    place: str = ""


class Archive(Protocol):
    """Keeps every delivery as it came, whatever becomes of it: the graph can be rebuilt from it."""

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Keep the deliveries. Raises StoreError if that fails; keeping the same ones twice changes
        nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Recent:
    """Deliveries that were archived lately, the newest first; `is_whole` unless there are more."""

    deliveries: tuple[Delivery, ...]
    is_whole: bool


class RecentArchive(Protocol):
    """The raw archive, as far as it was written lately."""

    def recent(self, since: int, now: int, at_most: int) -> Recent:
        """Give what was archived from `since` to `now` (epoch ms), reading no more than `at_most` objects.
        Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class RawPage:
    """Keys of archived objects. `last` is the key after which the list goes on, empty at its end."""

    keys: tuple[str, ...]
    last: str


@dataclass(frozen=True, slots=True)
class RawBatch:
    """What lies in some objects, and why others could not be read."""

    deliveries: tuple[Delivery, ...]
    unreadable: tuple[str, ...]


class RawArchive(Protocol):
    """The raw archive by the names of its objects. Methods raise StoreUnavailable."""

    def objects(self, after: str, since: int) -> RawPage:
        """List objects that come after a key and were written on `since` (epoch ms) or later."""
        ...

    def deliveries(self, keys: Sequence[str]) -> RawBatch:
        """Read objects. One that is not there any more has nothing in it."""
        ...


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event that cannot become graph changes: the whole text, why, and when it came (epoch ms).

    `id` is the SHA-256 of the text in hex, so that the same event twice is kept once. Where the record itself
    cannot be read, `reason` says why, `body` is what there is of it, and `is_readable` is false.
    """

    id: str
    reason: str
    body: str
    received_on: int
    is_readable: bool = True


class Quarantine(Protocol):
    """Keeps events that were not understood until they can be replayed."""

    def put(self, events: Sequence[Quarantined]) -> None:
        """Keep the events. Raises StoreError if that fails. One that is kept already counts as received when
        it was first, and may get the new reason."""
        ...


class QuarantineStore(Quarantine, Protocol):
    """A quarantine that a person may look into and empty."""

    def find(self, start: str = "") -> Iterator[Quarantined]:
        """Give the events whose id begins like this, in no order that means anything. Raises StoreError."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Forget events; one that is not there is no error. Raises StoreError."""
        ...


class Requeue(Protocol):
    """Sends quarantined events to ingest again, each with its first receipt."""

    def send(self, events: Sequence[Quarantined]) -> Mapping[str, str]:
        """Send the events; give why by id for those not taken. Raises StoreError if none could be sent."""
        ...
