"""Running the actions of a rule: actions and what they see in, effects, taggings and levels gathered.

What one action meets is its own error, told with its place; the others run all the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from typing import Final

from secgraph.errors import PackError, SecgraphError
from secgraph.j1ql.holes.placeholders import HoleValue, Placeholders
from secgraph.j1ql.text.advice import short
from secgraph.rules.actions import (
    Action,
    AskQuery,
    CreateAlert,
    Effective,
    ForEachItem,
    OtherAction,
    Scalar,
    SetProperty,
    TagEntities,
)
from secgraph.rules.effects import Effect, Tagging
from secgraph.rules.expressions.budget import MAX_STEPS, MAX_TEXT, Budget, EvaluationError
from secgraph.rules.expressions.evaluate import Scope, evaluate
from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.expressions.values import open_, own, plain, secret_in, shown
from secgraph.rules.rendering import effect_of, entities_of
from secgraph.rules.rows import Answer
from secgraph.rules.rule import Level
from secgraph.rules.template import value_of

MAX_EFFECTS: Final = 50
"""Effects of one evaluation: they are written in one transaction with the alert and its notifications."""
MAX_BYTES: Final = 2_000_000
"""Bytes of all effects of one evaluation, as JSON; a transaction of DynamoDB holds 4 MB."""
MAX_EFFECT: Final = 240_000
"""Bytes of one effect, as JSON: SNS takes 256 kB, and an item of DynamoDB holds 400 kB."""
MAX_ITEMS: Final = 1_000
"""Items of one FOR_EACH_ITEM."""
MAX_ASKED: Final = 50
"""Queries that the actions of one evaluation may run."""
MAX_ERRORS: Final = 20
ALL_STEPS: Final = 4 * MAX_STEPS
"""Steps of all actions of one evaluation."""

Ask = Callable[[str, Placeholders], Answer]
"""Runs a query whose placeholders have these values. Raises QueryError or StoreError."""


def no_way_to_ask(_: str, __: Placeholders) -> Answer:
    """Stand where nothing can be asked."""
    raise PackError("no query can be run here")


@dataclass(slots=True)
class Acting:
    """What the actions of one evaluation came to so far.

    `known` are rows, the very objects that the actions see, of which there is no news: they come last among
    the items of a FOR_EACH_ITEM, and with `only_new` none of its messages is about them.
    """

    ask: Ask
    known: InitVar[Iterable[Mapping[str, object]]] = ()
    only_new: bool = False
    effects: list[Effect] = field(default_factory=list)
    taggings: list[Tagging] = field(default_factory=list)
    created: list[Level] = field(default_factory=list)
    acted: bool = False
    _errors: list[str] = field(default_factory=list)
    _left: Counter[str] = field(default_factory=Counter)
    _steps: int = ALL_STEPS
    _bytes: int = MAX_BYTES
    _asked: int = 0
    _known: frozenset[int] = frozenset()
    _muted: bool = False

    def __post_init__(self, known: Iterable[Mapping[str, object]]) -> None:
        """Take rows by who they are: comparing what they hold would take long."""
        self._known = frozenset(map(id, known))

    def run(self, actions: Sequence[Action], scope: Scope, place: str, given: dict[str, object]) -> None:
        """Run actions in order, each with its own share of work. What SET_PROPERTY sets goes into `given`,
        the names of `scope`."""
        for index, action in enumerate(actions):
            budget = Budget(min(MAX_STEPS, self._steps), MAX_TEXT)
            self._steps -= budget.steps
            self._one(action, replace(scope, names=given, budget=budget), f"{place}.actions[{index}]", given)
            self._steps += max(0, budget.steps)

    def told(self) -> list[str]:
        """Give what went wrong, and how many effects were too many."""
        found = self._errors[:MAX_ERRORS]
        if len(self._errors) > MAX_ERRORS:
            found.append(f"and {len(self._errors) - MAX_ERRORS} more errors like these")
        for where, count in self._left.items():
            found.append(
                f"{where}: {count} not sent, since one evaluation sends at most {MAX_EFFECTS} messages and "
                f"{MAX_BYTES} bytes in all; put several items into one message"
            )
        return found

    def _one(self, action: Action, scope: Scope, where: str, given: dict[str, object]) -> None:
        levels, templates = scope.budget.levels, scope.budget.templates
        try:
            self._run(action, scope, where, given)
        except (EvaluationError, SecgraphError) as error:
            self._errors.append(f"{where}: {error}")
            scope.budget.levels, scope.budget.templates = levels, templates

    def _run(self, action: Action, scope: Scope, where: str, given: dict[str, object]) -> None:
        if not isinstance(action, SetProperty | OtherAction | AskQuery):
            self.acted = True
        match action:
            case SetProperty(target, value):
                given[target] = _property(target, value, scope)
            case CreateAlert():
                self.created.append(Level[str(given["alertLevel"])])
            case TagEntities():
                self._tag(action, scope)
            case ForEachItem():
                self._for_each(action, scope, where)
            case AskQuery():
                self._ask(action, scope, given)
            case OtherAction():
                pass  # named in `Rule.left_out`
            case _:
                self._send(action, scope, where)

    def _send(self, action: Effective, scope: Scope, where: str) -> None:
        if self._muted:
            return
        if len(self.effects) >= MAX_EFFECTS:
            self._left[_without_items(where)] += 1
            return
        effect = effect_of(action, scope, where)
        size = len(json.dumps([effect.target, effect.payload]))
        if size > MAX_EFFECT:
            raise EvaluationError(f"comes to {size} bytes, more than {MAX_EFFECT}; send less of each row")
        if size > self._bytes:
            self._left[_without_items(where)] += 1
            return
        self._bytes -= size
        self.effects.append(effect)

    def _tag(self, action: TagEntities, scope: Scope) -> None:
        entities = entities_of(value_of(action.entities, scope), scope)
        tags = {name: _tag_value(value, scope) for name, value in action.tags}
        if entities:
            self.taggings.append(Tagging(entities, tags))

    def _for_each(self, action: ForEachItem, scope: Scope, where: str) -> None:
        """Run the actions once for each item, new rows first: there is a limit to messages. What is asked
        comes before other actions, what is set stays with the item."""
        found = value_of(action.items, scope)
        items = found if isinstance(found, list | tuple) else [] if found is None else [found]
        items = sorted(items, key=self._is_known)
        muted = self._muted
        order = sorted(enumerate(action.actions), key=lambda each: not isinstance(each[1], AskQuery))
        for index, item in enumerate(items[:MAX_ITEMS]):
            scope.budget.step(1 + len(order))
            inner = {**scope.names, action.item_ref: item, "itemIndex": index, "itemCount": len(items)}
            self._muted = muted or (self.only_new and self._is_known(item))
            for number, each in order:
                place = f"{where}, item {index + 1}, actions[{number}]"
                self._one(each, replace(scope, names=inner), place, inner)
            self._muted = muted
            if scope.budget.steps < 0:
                raise EvaluationError(f"was given up at item {index + 1} of {len(items)}: too much work")
        if len(items) > MAX_ITEMS:
            raise EvaluationError(f"has {len(items)} items, and only the first {MAX_ITEMS} were taken")

    def _is_known(self, item: object) -> bool:
        return id(item) in self._known

    def _ask(self, action: AskQuery, scope: Scope, given: dict[str, object]) -> None:
        self._asked += 1
        if self._asked > MAX_ASKED:
            raise EvaluationError(f"one evaluation runs at most {MAX_ASKED} queries in its actions")
        values = {name: _hole(name, expression, scope) for name, expression in action.holes.items()}
        answer = self.ask(action.query, values)
        bound = {
            "total": answer.total,
            "data": list(answer.rows),
            "query": action.query,
            "durationMs": answer.duration_ms,
        }
        queries = given["queries"]
        given["queries"] = {**(queries if isinstance(queries, Mapping) else {}), action.name: bound}


def _property(target: str, value: Scalar | Template, scope: Scope) -> object:
    found = value_of(value, scope) if isinstance(value, Template) else value
    if secret_in(found, scope.budget):
        raise EvaluationError("sets a property to a secret parameter; use the parameter where it is needed")
    if target == "alertLevel" and found not in Level.__members__:
        levels = ", ".join(level.name for level in reversed(Level))
        raise EvaluationError(f"sets alertLevel to {short(shown(found))}; make it one of {levels}")
    return own(found) if type(found) is str and not isinstance(value, Template) else found


def _tag_value(value: Scalar | Template, scope: Scope) -> str | float | bool:
    found = plain(value_of(value, scope), scope.budget) if isinstance(value, Template) else value
    if not isinstance(found, str | int | float):
        raise EvaluationError("gives a tag a value that is no text, number or boolean")
    return found


def _hole(name: str, expression: Expr, scope: Scope) -> HoleValue:
    found = plain(open_(evaluate(expression, scope)), scope.budget)
    if not isinstance(found, str | int | float):
        raise EvaluationError(f"{{{{{name}}}}} has no value that can stand in a query")
    return found


def _without_items(where: str) -> str:
    return re.sub(r", item \d+", "", where)
