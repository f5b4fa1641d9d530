"""An event of a source → when that source was last heard of, and whether its sender may say what it says.

Both go by the envelope, which EventBridge writes: its `account` is that of the sender, also after it was
forwarded (docs/decisions/0030), and its `time` is when the source sent it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from secgraph import contract
from secgraph.errors import EventError
from secgraph.graph.model import GraphChange
from secgraph.ingest.aws import ACCOUNT_ID, arn_of
from secgraph.ingest.event import SourceEvent
from secgraph.ingest.observed import OURS, source_stubs, source_thing
from secgraph.ingest.things import Witness

EVERY_MS: Final = 5 * 60_000
"""`lastEventOn` is told in steps as long: a flood of events writes it once in that time."""
EVENTS: Final = "events"
_SOURCES: Final = {
    contract.GUARDDUTY_SOURCE: "guardduty",
    contract.INSPECTOR_SOURCE: "inspector2",
    contract.ON_DEMAND_SOURCE: "inspector2",
}


def heard_of(event: SourceEvent, changes: Sequence[GraphChange], received_on: int) -> tuple[GraphChange, ...]:
    """State when the source was heard of in the account and region of what it speaks of.

    Nothing of events without an envelope's time, as API answers are, of our own, and of those that name no
    account and region.
    """
    source, sent_on = _SOURCES.get(event.source), event.envelope.moment("time")
    account, region = _spoken_of(changes)
    if source is None or sent_on is None or not ACCOUNT_ID.fullmatch(account) or not region:
        return ()
    thing = source_thing(source, account, region)
    since = sent_on - sent_on % EVERY_MS
    witness = Witness(OURS, OURS, since, received_on)
    return witness.saw(thing, EVENTS, {"lastEventOn": since}), *source_stubs(thing, witness)


def check_sender(
    event: SourceEvent, changes: Sequence[GraphChange], administrators: Collection[str] | None
) -> None:
    """Raise EventError if an account speaks of what is another one's and is no administrator; None: any
    account may. What names no account, or came in no envelope, is not checked.

    A finding is kept under its ARN, so the account in it counts as well: who names its own account in the
    body and another one's finding by ARN would close what is not its own.
    """
    sender = event.account if event.envelope else ""
    if administrators is None or event.source not in _SOURCES or not sender or sender in administrators:
        return
    for other in _accounts(changes):
        if other not in ("", sender):
            raise EventError(
                f"the event is of account {sender[:40]} and speaks of what is of account {other[:40]}; if "
                f"{sender[:40]} administers it, list it under administrators in the file of `-c sources=`, "
                "deploy, and replay the event",
                "account",
            )


def _accounts(changes: Sequence[GraphChange]) -> Iterator[str]:
    """Give the accounts, each empty if unknown, of all that an event speaks of in the block of its first
    change: of one finding, or of each resource whose coverage it tells."""
    for change in changes:
        if change.observation.block == changes[0].observation.block:
            found = arn_of(change.thing.key)
            yield str(change.observation.properties.get("accountId", ""))
            yield found.account if found else ""


def _spoken_of(changes: Sequence[GraphChange]) -> tuple[str, str]:
    """Give the account and region of what an event speaks of first, each empty if unknown: a finding says
    them, and the ARN of a resource whose coverage is told does."""
    if not changes:
        return "", ""
    said, found = changes[0].observation.properties, arn_of(changes[0].thing.key)
    return (
        str(said.get("accountId") or (found.account if found else "")),
        str(said.get("region") or (found.region if found else "")),
    )
