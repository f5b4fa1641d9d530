"""Acting on results: a rule and its evaluation input in, the outcome (alert or not, at which level) out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.rules.condition import holds, look_up
from secgraph.rules.effects import Effect, Tagging
from secgraph.rules.rule import CreateAlert, Level, Rule, SetProperty

OUTPUT_BYTES: Final = 600
"""What the outputs kept with one evaluation may take, names included; the first that fit are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule's operations came to. `outputs` are the values of the rule's output paths; `effects` and
    `taggings` are what its actions ask for."""

    alert: bool
    level: Level
    outputs: Mapping[str, str | int | float | bool]
    effects: tuple[Effect, ...] = ()
    taggings: tuple[Tagging, ...] = ()


def act(rule: Rule, queries: Mapping[str, Mapping[str, object]]) -> Outcome:
    """Run the operations whose condition holds, in order.

    `queries` is by name `{total, data, query, durationMs}`. What SET_PROPERTY sets is seen by what comes
    after it. Of several CREATE_ALERT the highest level counts. Raises ValueError for a blocked rule.
    """
    given: dict[str, object] = {
        "queries": queries,
        "alertLevel": rule.level.name,
        "alertRuleName": rule.name,
        "alertRuleDescription": rule.description,
    }
    created: list[Level] = []
    for operation in rule.operations:
        if not holds(operation.when, given):
            continue
        for action in operation.actions:
            if isinstance(action, SetProperty):
                given[action.target] = action.value
            elif isinstance(action, CreateAlert):
                created.append(Level[str(given["alertLevel"])])
    level = max(created, default=rule.level)
    return Outcome(bool(created), level, _outputs(rule, given))


def _outputs(rule: Rule, given: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    left = OUTPUT_BYTES
    for path in rule.outputs:
        value = look_up(path, given)
        if isinstance(value, str | int | float):
            left -= len(f"{path}{value}".encode("utf-8", "replace"))
            if left >= 0:
                found[path] = value
    return found
