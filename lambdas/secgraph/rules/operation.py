"""Acting on results: a rule and its evaluation input in, the outcome out: alert or not, at which level, and
what is to be sent and tagged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import PackError
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.rules.acting import Acting, Ask, no_way_to_ask
from secgraph.rules.condition import holds
from secgraph.rules.effects import Effect, Tagging
from secgraph.rules.expressions.budget import EvaluationError
from secgraph.rules.expressions.evaluate import Scope
from secgraph.rules.expressions.lookup import follow
from secgraph.rules.expressions.values import own
from secgraph.rules.parameters import given as parameters_given
from secgraph.rules.rule import Level, Rule

OUTPUT_BYTES: Final = 600
"""What the outputs kept with one evaluation may take, names included; the first that fit are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule's operations came to. `outputs` are the values of the rule's output paths.

    `alert`: a CREATE_ALERT ran; `acted`: some action ran, or was tried, that does more than set a property.
    `errors` are what went wrong in single actions, each with its place; the others ran all the same.
    """

    alert: bool
    level: Level
    outputs: Mapping[str, str | int | float | bool]
    effects: tuple[Effect, ...] = ()
    taggings: tuple[Tagging, ...] = ()
    errors: tuple[str, ...] = ()
    acted: bool = False


def act(
    rule: Rule,
    queries: Mapping[str, Mapping[str, object]],
    *,
    parameters: Parameters = NONE,
    ask: Ask = no_way_to_ask,
    web_link: str = "",
    known: Iterable[Mapping[str, object]] = (),
) -> Outcome:
    """Run the operations whose condition holds, in order.

    `queries` is by name `{total, data, query, durationMs}`; `ask` runs a query with values for its
    placeholders; `web_link` leads to the alert; `known` are those rows in `queries`, the same objects, that
    an earlier evaluation had while others are new. What SET_PROPERTY sets is seen by what comes after it. Of
    several CREATE_ALERT the highest level counts. Raises PackError for a parameter that is missing and a
    condition that cannot be evaluated, ValueError for a blocked rule.
    """
    given = evaluation_input(rule, queries, parameters=parameters, web_link=web_link)
    acting = Acting(ask, known, rule.trigger_actions_on_new_entities_only)
    for index, operation in enumerate(rule.operations):
        place = f"operations[{index}]"
        try:
            fires = holds(operation.when, given, templates=rule.templates)
        except EvaluationError as error:
            raise PackError(str(error), f"{place}.when") from error
        if fires:
            acting.run(operation.actions, Scope(given, rule.templates), place, given)
    level = max(acting.created, default=Level[str(given["alertLevel"])])
    return Outcome(
        alert=bool(acting.created),
        level=level,
        outputs=_outputs(rule, given),
        effects=tuple(acting.effects),
        taggings=tuple(acting.taggings),
        errors=tuple(acting.told()),
        acted=acting.acted,
    )


def evaluation_input(
    rule: Rule,
    queries: Mapping[str, Mapping[str, object]],
    *,
    parameters: Parameters = NONE,
    web_link: str = "",
) -> dict[str, object]:
    """Give the names that a rule's conditions and templates see, before any action. Raises PackError for a
    parameter that is missing."""
    return {
        "queries": queries,
        "param": parameters_given(rule, parameters),
        "alertLevel": own(rule.level.name),
        "alertRuleName": rule.name,
        "alertRuleId": rule.id or rule.name,
        "alertRuleDescription": rule.description,
        "alertWebLink": own(web_link) if web_link else None,
    }


def _outputs(rule: Rule, given: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    left = OUTPUT_BYTES
    for path in rule.outputs:
        value = follow(path, given)
        if isinstance(value, str | int | float):
            left -= len(f"{path}{value}".encode("utf-8", "replace"))
            if left >= 0:
                found[path] = str(value) if isinstance(value, str) else value
    return found
