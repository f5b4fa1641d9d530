"""The values of an alert's life. In: nothing. Out: Evaluation, AlertState and what they hold.

Times are epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from secgraph.alerts.digest import Digest
from secgraph.alerts.groups import By, Group
from secgraph.alerts.rowset import KEPT, RowSet
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

Output = str | int | float | bool
NO_OUTPUTS: Mapping[str, Output] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation of a rule found. `whole` is False when `rows` are an arbitrary part of `total`.
    `listed` is False when only effects come of it and no alert; `errors` are those of single actions."""

    rule: str
    holds: bool
    level: Level
    total: int
    rows: tuple[Row, ...] = ()
    whole: bool = True
    outputs: Mapping[str, Output] = field(default_factory=lambda: NO_OUTPUTS)
    listed: bool = True
    errors: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Tell whether new and gone rows can be told exactly, and so the groups."""
        return self.whole and len(self.rows) <= KEPT


@dataclass(frozen=True, slots=True)
class Record:
    """A stretch of evaluations with one result: the first at `on`, the last at `until`. `error` says why the
    rule could not be evaluated, or what went wrong in its actions."""

    on: int
    until: int
    times: int
    active: bool
    level: Level
    total: int
    new: int = 0
    gone: int = 0
    error: str = ""
    outputs: Mapping[str, Output] = field(default_factory=lambda: NO_OUTPUTS)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a rule, or some of its actions, fail, and since when. `told` once a message about it was made."""

    error: str
    since: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class AlertState:
    """Everything kept of a rule's alert.

    `seq` numbers what was told of it. `untold` says that it changed silently: nobody was sent a message,
    though a summary may have covered it. `rows` are digests, new ones first, then the worst; `gone` those
    that went in the last evaluation. `groups` are the keys of the groups that are open, made as `by` says;
    `kept` is what is known of the worst of them. `joined_on` is when rows last joined the alert. `failure` is
    set while the rule cannot be evaluated, `action_failure` while it can and single actions fail: such a rule
    is due as any other. A rule that only has effects is not `listed` as an alert. `acted`
    are the actions that asked for effects in the last evaluation, of the operations that `acted_of` stands
    for.
    """

    rule: str
    active: bool = False
    level: Level = Level.HIGH
    seq: int = 0
    opened_on: int | None = None
    changed_on: int | None = None
    resolved_on: int | None = None
    evaluated_on: int | None = None
    joined_on: int | None = None
    seen: RowSet = field(default_factory=RowSet)
    rows: tuple[Digest, ...] = ()
    gone: tuple[Digest, ...] = ()
    new_count: int = 0
    gone_count: int = 0
    by: By = By.RULE
    groups: RowSet = field(default_factory=RowSet)
    kept: tuple[Group, ...] = ()
    history: tuple[Record, ...] = ()
    failure: Failure | None = None
    action_failure: Failure | None = None
    untold: bool = False
    listed: bool = True
    acted: tuple[str, ...] = ()
    acted_of: str = ""

    @property
    def total(self) -> int:
        """Give the number of rows at the last evaluation that succeeded."""
        return self.seen.total

    def joining(self, now: int) -> int:
        """Give the time of rows that join now: later than that of all before, whatever clocks say. Whoever
        dismisses an alert knows of the rows until then."""
        return now if self.joined_on is None else max(now, self.joined_on + 1)

    @property
    def tried_on(self) -> int | None:
        """Give when the rule was last evaluated, with success or without."""
        return self.history[-1].until if self.history else self.evaluated_on
