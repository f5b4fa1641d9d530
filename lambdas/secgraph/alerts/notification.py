"""What people should hear of, whatever the channel. In: values of the alerts. Out: Notification, and as JSON.

Channels render it (alerts/channels/): so one transition says the same in mail, in Slack and to a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final

from secgraph.alerts.digest import Digest
from secgraph.rules.rule import Level

ROWS_SHOWN: Final = 5


class Event(Enum):
    """What happened."""

    OPENED = "opened"
    NEW_ROWS = "new rows"
    LEVEL_RAISED = "level raised"
    RESOLVED = "resolved"
    RETIRED = "retired"
    """The rule is evaluated no more; what it found may well be there still."""
    FAILED = "failed"
    """The rule could not be evaluated; told only where the rule asks for it (`notifyOnFailure`)."""
    SUMMARY = "summary"
    """What a new deployment found at first."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell. Times are epoch milliseconds.

    `id` names the transition and is the same however often it is sent. `thread` is the same for all that is
    told of one group of an alert, so that a channel can keep them together. `group` is what the group is
    called, empty for the whole rule; `groups` counts those that are told of at once. `rows` are at most
    ROWS_SHOWN, worst first; `counted` is how many there are of them in all, `total` how many the alert has.
    Of a summary, `description` is the headline ("8 alerts open: 1 critical, 7 high"), `note` all the rest.
    """

    id: str
    thread: str
    event: Event
    level: Level
    earlier: Level
    rule: str
    pack: str
    description: str
    remediation: str
    queries: tuple[str, ...]
    on: int
    opened_on: int
    total: int
    counted: int
    gone: int = 0
    group: str = ""
    groups: int = 1
    rows: tuple[Digest, ...] = ()
    note: str = ""
    """Why a rule failed or is watched no more; of a summary, all of it below the headline."""
    link: str = ""
    """The page about the alert that the deployment was given (`alertLink`), if it was."""

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON values; `read` is the way back."""
        held = asdict(self)
        return held | {
            "event": self.event.value,
            "level": self.level.name,
            "earlier": self.earlier.name,
            "queries": list(self.queries),
            "rows": [asdict(row) | {"hash": f"{row.hash:016x}"} for row in self.rows],
        }


def read(held: Mapping[str, Any]) -> Notification:
    """Read what `as_json` wrote."""
    return Notification(
        **{
            **held,
            "event": Event(held["event"]),
            "level": Level[held["level"]],
            "earlier": Level[held["earlier"]],
            "queries": tuple(held["queries"]),
            "rows": tuple(Digest(**{**row, "hash": int(row["hash"], 16)}) for row in held["rows"]),
        }
    )
