"""What a run of the rules came to. In: the results of rules. Out: EvaluationReport, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from secgraph.rules.effects import Tagging

EVALUATED: Final = "evaluated"
FAILED: Final = "failed"
UNSUPPORTED: Final = "unsupported"
OVERTAKEN: Final = "overtaken"
"""Another run evaluated the rule at the same time, and its result stands."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one rule: evaluated, failed, unsupported or overtaken.

    `transition` is what happened to the alert or to groups of it, told or not; `groups` counts those that are
    open; `notes` name actions that do not run.
    """

    rule: str
    pack: str
    outcome: str
    active: bool = False
    level: str = ""
    total: int = 0
    new: int = 0
    groups: int = 0
    transition: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What one run did. `told` are the ids of what it put into the outbox. `postponed` are due rules for
    which no time was left; `faults` concern no rule; `retired` are rules evaluated no more whose alerts were
    closed. `taggings` are by rule."""

    results: tuple[RuleResult, ...]
    told: tuple[str, ...]
    not_due: tuple[str, ...]
    postponed: tuple[str, ...]
    quiet: bool
    faults: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    taggings: Mapping[str, Sequence[Tagging]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """Give the rules that this version can evaluate and that failed, or an action of which did."""
        return tuple(each for each in self.results if each.outcome != UNSUPPORTED and each.error)

    def as_json(self) -> dict[str, object]:
        """Give the report as plain JSON values."""
        return {
            "rules": [
                {name: getattr(result, name) for name in RuleResult.__slots__} | {"notes": list(result.notes)}
                for result in self.results
            ],
            "told": list(self.told),
            "notDue": list(self.not_due),
            "postponed": list(self.postponed),
            "quiet": self.quiet,
            "faults": list(self.faults),
            "retired": list(self.retired),
        }
