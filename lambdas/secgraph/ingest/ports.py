"""What ingest needs besides the graph: a place for what it could not understand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event that cannot become graph changes: the whole text, why, and when it came (epoch ms).

    `id` is the SHA-256 of the text in hex, so that the same event twice is kept once.
    """

    id: str
    reason: str
    body: str
    received_on: int


class Quarantine(Protocol):
    """Keeps events that were not understood until they can be replayed."""

    def put(self, events: Sequence[Quarantined]) -> None:
        """Keep the events. Raises StoreError if that fails; keeping one twice changes nothing."""
        ...
