"""Reading operations: the JSON of `operations` in, conditions and actions out; problems noted in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from secgraph.rules.actions import AskQuery, each
from secgraph.rules.actions_read import actions
from secgraph.rules.condition import (
    AnyTotal,
    Clause,
    Condition,
    ConditionError,
    expressions,
    notes,
    parts,
    read,
)
from secgraph.rules.expressions.nodes import Expr, Name, Property
from secgraph.rules.fields import Fields
from secgraph.rules.rule import Level, Operation, default_operation
from secgraph.rules.texts_read import Known, check

MAX_OPERATIONS: Final = 50


def operations(fields: Fields, level: Level, known: Known) -> tuple[Operation, ...]:
    """Read the operations of a rule; one that states none sets its level and creates the alert."""
    if not fields.has("operations"):
        fields.value("operations")
        return (default_operation(level),)
    found = fields.objects("operations", limit=MAX_OPERATIONS)
    return tuple(Operation(_when(one, known), actions(one, known)) for one in found)


def asked_by(operations: Iterable[Operation]) -> list[str]:
    """Name the queries that actions bind: templates that they use may read them."""
    actions_ = (action for operation in operations for action in each(operation.actions))
    return [action.name for action in actions_ if isinstance(action, AskQuery)]


def _when(fields: Fields, known: Known) -> Condition:
    """Read a condition. An operation that states none acts on any row, as the short form does."""
    raw = fields.value("when")
    if raw is None:
        return AnyTotal()
    try:
        condition = read(raw)
    except ConditionError as error:
        fields.problem("when", str(error))
        return AnyTotal()
    known.warnings.extend(f"{fields.at('when')}: {note}" for note in notes(condition))
    for expression in (*expressions(condition), *_paths(condition)):
        check(expression, fields, "when", known)
    return condition


def _paths(condition: Condition) -> list[Expr]:
    """Give the left sides of clauses as expressions, so that what they name is looked for too."""
    found: list[Expr] = []
    for part in parts(condition):
        if isinstance(part, Clause):
            first, *names = part.path.split(".")
            path: Expr = Name(first)
            for name in names:
                path = Property(path, name)
            found.append(path)
    return found
