"""REPLAY: the raw archive → the graph, made again; and the proof that it is the same one.

    EMPTYING ─the table beside→ READING ─archive, ingest→ HASHING ─both tables→ (NAMING what differs →) DONE

It goes in steps of seconds (flows/replay_steps.py), each kept as a note (flows/replay_state.py): whoever
calls next goes on, and a step that was cut off is done again, which changes nothing. Nothing is archived
again, and nothing is put into quarantine: what was set aside then is passed over and counted. What an upgrade
can read now is applied. Where events go on coming in, those that came last are named as differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from secgraph.errors import InputError, StoreError
from secgraph.flows.replay_state import (
    ADVANCED,
    BUSY,
    COPY,
    FINISHED,
    NAME,
    TARGETS,
    Notes,
    Phase,
    Replay,
    as_text,
    read,
    report,
)
from secgraph.flows.replay_steps import Ingesting as Ingesting
from secgraph.flows.replay_steps import Ports as Ports
from secgraph.flows.replay_steps import Work

LEASE_MS: Final = 16 * 60_000
"""How long a caller that was cut off keeps others away: longer than a function may run."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller wants: a replay into one of TARGETS; with the `id` of an earlier answer, that one.
    `anew` begins another in the place of one that is not finished."""

    into: str = COPY
    id: str = ""
    anew: bool = False


def replay(
    request: Request,
    *,
    ports: Ports,
    how: Ingesting,
    clock: Callable[[], int],
    token: str,
    stop: Callable[[], bool],
) -> dict[str, Any]:
    """Begin a replay, or go on with the one that is not finished, until `stop` says so (asked after each
    step, of which there is at least one). Gives `replay_state.report`; `token` names a new one.

    Raises InputError for a request that does not go with the replay there is, StoreError where a call is to
    be made again.
    """
    state, is_free = _found(request, ports.notes, clock(), token)
    if state.phase is Phase.DONE:
        return report(state, FINISHED)
    if not is_free:
        return report(state, BUSY)
    state = _kept(replace(state, busy_until=clock() + LEASE_MS), ports.notes)
    work = Work(ports, how, clock)
    try:
        while state.phase is not Phase.DONE:
            state = _kept(work.step(state), ports.notes)
            if stop():
                break
    except StoreError:
        # If this is refused, what stands there is newer: of another, or of the step whose answer was lost.
        ports.notes.put_note(NAME, as_text(replace(state, busy_until=0)), state.rev + 1)
        raise
    if state.phase is Phase.DONE:
        return report(state, FINISHED)
    return report(_kept(replace(state, busy_until=0), ports.notes), ADVANCED)


# ── which one ─────────────────────────────────────────────────────────────────────────────────────────


def _found(request: Request, notes: Notes, now: int, token: str) -> tuple[Replay, bool]:
    """Give the replay that the request is about, and whether nobody else is at work on it."""
    if request.into not in TARGETS:
        raise InputError(f"into: expected one of {', '.join(TARGETS)}")
    text, rev = notes.note(NAME)
    if request.anew or not text:
        if request.id and not request.anew:
            raise InputError(f"there is no replay {request.id}; leave `id` away to begin one")
        return _begun(request, now, token, rev), True
    held = read(text, rev)
    if request.id and held.id != request.id:
        raise InputError(
            f"the replay {request.id} has been replaced by another; leave `id` away to go on with it"
        )
    if held.phase is Phase.DONE and not request.id:
        return _begun(request, now, token, rev), True
    if held.into != request.into and not request.id:
        raise InputError(
            f"a replay into {held.into} is not finished yet; go on with it (`--into {held.into}`), or give "
            "it up with `--anew`"
        )
    return held, held.busy_until <= now


def _begun(request: Request, now: int, token: str, rev: int) -> Replay:
    phase = Phase.EMPTYING if request.into == COPY else Phase.READING
    return Replay(token, request.into, now, phase, rev=rev, turn_began_on=now)


def _kept(state: Replay, notes: Notes) -> Replay:
    kept = replace(state, rev=state.rev + 1)
    if not notes.put_note(NAME, as_text(kept), kept.rev):
        raise StoreError(f"another replay has taken the place of {state.id}; begin again when it is finished")
    return kept
