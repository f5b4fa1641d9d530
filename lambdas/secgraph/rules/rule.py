"""The values of alert rules. In: nothing. Out: Rule, what it asks, when it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType

from secgraph.rules.actions import Action, CreateAlert, OtherAction, SetProperty, each
from secgraph.rules.condition import AnyTotal, Condition, reasons
from secgraph.rules.expressions.nodes import Template
from secgraph.rules.fields import Json


class Level(IntEnum):
    """How much an alert matters, least first; `name` is what rules and messages write."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Interval(Enum):
    """How often a rule is evaluated (`pollingInterval`); the value is in minutes, 0 for never."""

    DISABLED = 0
    FIFTEEN_MINUTES = 15
    THIRTY_MINUTES = 30
    ONE_HOUR = 60
    FOUR_HOURS = 240
    EIGHT_HOURS = 480
    TWELVE_HOURS = 720
    ONE_DAY = 1440
    ONE_WEEK = 10080


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """One J1QL query of a rule."""

    name: str
    text: str
    include_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """When the condition holds, the actions run in order."""

    when: Condition
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule. `name` is its identity across upgrades; `pack` and `index` say where it stands.

    `rest` are fields that this version does not know, kept as they came; `warnings` name them.
    """

    pack: str
    index: int
    name: str
    description: str
    queries: tuple[RuleQuery, ...]
    level: Level = Level.HIGH
    interval: Interval = Interval.ONE_DAY
    operations: tuple[Operation, ...] = ()
    outputs: tuple[str, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=lambda: MappingProxyType({}))
    tags: tuple[str, ...] = ()
    labels: Json = None
    notify_on_failure: bool = False
    trigger_actions_on_new_entities_only: bool = False
    ignore_previous_results: bool = False
    evaluate_on_change: bool = False
    """Evaluated also when the graph changed (`"evaluateOn": "change"`), beside its interval."""
    remediation: str = ""
    id: str = ""
    version: int | None = None
    rest: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()

    @property
    def blocked(self) -> tuple[str, ...]:
        """Say why the rule cannot be evaluated in this version; empty if it can."""
        found = [reason for operation in self.operations for reason in reasons(operation.when)]
        if all(isinstance(action, SetProperty | OtherAction) for action in self.actions):
            found.append("no operation of the rule has an action that runs, such as CREATE_ALERT")
        return tuple(found)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Name the actions that do not run in this version, while the rest of the rule does."""
        others = [action.reason for action in self.actions if isinstance(action, OtherAction)]
        return tuple(dict.fromkeys(others))

    @property
    def actions(self) -> tuple[Action, ...]:
        """Give every action of the rule, those inside others included."""
        return tuple(action for operation in self.operations for action in each(operation.actions))


def default_operation(level: Level) -> Operation:
    """Give the operation of a rule that states none: with any row, set the level and create the alert."""
    return Operation(AnyTotal(), (SetProperty("alertLevel", level.name), CreateAlert()))
