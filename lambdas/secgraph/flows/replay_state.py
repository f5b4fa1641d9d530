"""How far a replay is: kept between its steps as JSON, so that whoever comes next goes on. Plain values.

    Replay ─as_text→ JSON ─read→ Replay          Replay ─report→ what a caller is told

Moments are epoch milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

from secgraph.errors import StoreError
from secgraph.graph.fingerprint import Fingerprint, whole
from secgraph.graph.fingerprint import read as fingerprint

FORMAT: Final = 1
NAME: Final = "replay"
"""Of the note that the state is kept in."""
COPY: Final = "replay"
GRAPH: Final = "graph"
TARGETS: Final = (COPY, GRAPH)
"""What a replay fills: the empty table beside, to compare the two; or the graph itself, to heal it."""
ADVANCED, FINISHED, BUSY = "advanced", "finished", "busy"


class Notes(Protocol):
    """Keeps texts by name for who comes next. Methods raise StoreError."""

    def note(self, name: str) -> tuple[str, int]:
        """Give a text and how often it was put, read consistently; `("", 0)` if there is none."""
        ...

    def put_note(self, name: str, text: str, rev: int) -> bool:
        """Put a text if it was put `rev - 1` times before, or never; False if another was faster."""
        ...


class Phase(Enum):
    """What is being done, in this order."""

    EMPTYING = "emptying"
    READING = "reading"
    HASHING = "hashing"
    NAMING = "naming"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that is not the same in both tables: its `_id`, `_type` and `_key`, and what differs."""

    id: str
    type: str
    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Replay:
    """`cursor` is where the phase goes on, empty at its beginning: a key of the archive, or an `_id` of the
    table `side`.

    READING goes through the archive several times: `turn` counts from 1, `turn_began_on` is when this one
    began, and it reads what was written on `since` or later; `turn_read` counts the objects it found.
    `events` counts by outcome. `unreadable` counts objects of the archive, and the first are named with the
    reason; `aside` counts items by table that this version cannot read. `sums` are by table and type.
    """

    id: str
    into: str
    began_on: int
    phase: Phase
    rev: int = 0
    busy_until: int = 0
    cursor: str = ""
    side: str = ""
    emptied: int = 0
    turn: int = 1
    turn_began_on: int = 0
    turn_read: int = 0
    since: int = 0
    objects: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    unreadable: int = 0
    named_unreadable: tuple[str, ...] = ()
    hashed: int = 0
    aside: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, Mapping[str, Fingerprint]] = field(default_factory=dict)
    named: tuple[Difference, ...] = ()
    ended_on: int = 0

    @property
    def sides(self) -> tuple[str, ...]:
        """Name the tables that are hashed: what heals the graph fills nothing to compare it with."""
        return (GRAPH, COPY) if self.into == COPY else (GRAPH,)

    @property
    def differing(self) -> tuple[str, ...]:
        """Name the types whose things are not all the same in the tables."""
        if len(self.sides) < 2:
            return ()
        one, other = (self.sums.get(side, {}) for side in self.sides)
        return tuple(
            sorted(type_ for type_ in one.keys() | other.keys() if one.get(type_) != other.get(type_))
        )

    @property
    def is_equal(self) -> bool | None:
        """Tell whether both tables hold the same graph; None where only one was hashed."""
        return None if len(self.sides) < 2 else not self.differing and not any(self.aside.values())


def as_text(replay: Replay) -> str:
    """Write a state down."""
    sums = {side: {type_: str(it) for type_, it in one.items()} for side, one in replay.sums.items()}
    held = {name: getattr(replay, name) for name in replay.__slots__ if name not in ("rev", "sums", "named")}
    return json.dumps(
        {
            "v": FORMAT,
            **held,
            "phase": replay.phase.value,
            "sums": sums,
            "named": [[it.id, it.type, it.key, it.what] for it in replay.named],
        },
        separators=(",", ":"),
    )


def read(text: str, rev: int) -> Replay:
    """Read what `as_text` wrote, put for the `rev`th time. Raises StoreError for that of another version."""
    held: dict[str, Any] = json.loads(text)
    if held.pop("v") != FORMAT:
        raise StoreError(
            "the state of the replay was written by another version of secgraph; begin again with "
            "`secgraph replay --anew`"
        )
    sums = {side: {type_: fingerprint(it) for type_, it in one.items()} for side, one in held["sums"].items()}
    changed = {
        "phase": Phase(held["phase"]),
        "sums": sums,
        "named": tuple(Difference(*it) for it in held["named"]),
        "named_unreadable": tuple(held["named_unreadable"]),
        "rev": rev,
    }
    return Replay(**{**held, **changed})


def report(replay: Replay, did: str) -> dict[str, Any]:
    """Say how far a replay is, and what came of it once it is finished, as JSON.

    `did` is `busy` where another caller is at work on it, `finished`, or `advanced`: then call again with
    this `id`.
    """
    told: dict[str, Any] = {
        "id": replay.id,
        "into": replay.into,
        "beganOn": replay.began_on,
        "did": did,
        "phase": replay.phase.value,
        "finished": replay.phase is Phase.DONE,
        "emptied": replay.emptied,
        "objects": replay.objects,
        "events": dict(replay.events),
        "refused": dict(replay.refused),
        "unreadable": {"count": replay.unreadable, "first": list(replay.named_unreadable)},
        "hashed": replay.hashed,
        "turn": replay.turn,
        **({"busyUntil": replay.busy_until} if did == BUSY else {}),
    }
    return told | (_outcome(replay) if replay.phase is Phase.DONE else {})


def _outcome(replay: Replay) -> dict[str, Any]:
    sums = {side: replay.sums.get(side, {}) for side in replay.sides}
    return {
        "endedOn": replay.ended_on,
        "hashes": {side: str(whole(one.values())) for side, one in sums.items()},
        "equal": replay.is_equal,
        "aside": dict(replay.aside),
        "types": [
            {"type": type_, **{side: str(one.get(type_, Fingerprint())) for side, one in sums.items()}}
            for type_ in replay.differing
        ],
        "differences": [
            {"id": it.id, "type": it.type, "key": it.key, "what": it.what} for it in replay.named
        ],
    }
