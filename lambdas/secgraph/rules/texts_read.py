"""Reading the templates of a rule: fields in, templates out; problems have place, column, remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from secgraph.rules.expressions import uses
from secgraph.rules.expressions.lexer import ExpressionError
from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.expressions.transforms import no_template
from secgraph.rules.fields import Fields, Json, kind, shown
from secgraph.rules.template import MAX_DEPTH, Shape, read

MAX_TEXT: Final = 20_000
"""Characters of one text of a rule."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the templates of a rule may name: its queries and templates. `warnings` takes what its author may
    not have meant."""

    queries: Sequence[str]
    templates: Mapping[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def with_queries(self, names: Iterable[str]) -> Known:
        """Add names of queries that actions bind."""
        return replace(self, queries=(*self.queries, *names))


def template(fields: Fields, name: str, known: Known, *, required: str = "") -> Template | None:
    """Read a text as a template; None where it is absent or wrong."""
    text = fields.text(name, limit=MAX_TEXT, required=required)
    return None if text is None else template_of(text, fields, name, known)


def template_of(text: str, fields: Fields, name: str, known: Known) -> Template | None:
    """Read a text that stands in the field `name`."""
    try:
        found = read(text)
    except ExpressionError as error:
        fields.problem(name, str(error))
        return None
    known.warnings.extend(f"{fields.at(name)}: {note}" for note in found.notes)
    for part in found.parts:
        if not isinstance(part, str):
            check(part, fields, name, known)
    return found


def check(expression: Expr, fields: Fields, name: str, known: Known) -> None:
    """Note what an expression names and the rule does not have."""
    for wanted in uses.templates(expression):
        if wanted not in known.templates:
            fields.problem(name, no_template(wanted, known.templates))
    for path in uses.queries(expression):
        if not any(path == query or path.startswith(f"{query}.") for query in known.queries):
            names = " or ".join(f"queries.{query}.total" for query in known.queries)
            fields.problem(name, f"reads {shown(f'queries.{path}')}, and no query has that name; try {names}")
    if "" in uses.parameters(expression):
        fields.problem(name, "reads `param` as a whole; name the parameter, such as param.Team")


def shape(fields: Fields, name: str, known: Known) -> Shape:
    """Read any JSON; its strings are templates."""
    return _shape(fields.value(name), fields, name, known, MAX_DEPTH)


def _shape(raw: Json, fields: Fields, name: str, known: Known, depth: int) -> Shape:
    if depth == 0:
        fields.problem(name, f"nests deeper than {MAX_DEPTH} levels; write it flatter")
        return None
    if isinstance(raw, str):
        return _text(raw, fields, name, known)
    if isinstance(raw, list):
        return tuple(
            _shape(item, fields, f"{name}[{index}]", known, depth - 1) for index, item in enumerate(raw)
        )
    if isinstance(raw, dict):
        if reserved := [key for key in raw if key.startswith("$sealed")]:
            fields.problem(name, f"has the name {reserved[0]}, which is reserved; rename it")
        return MappingProxyType(
            {key: _shape(value, fields, f"{name}.{key}", known, depth - 1) for key, value in raw.items()}
        )
    return raw


def _text(raw: str, fields: Fields, name: str, known: Known) -> Template | None:
    if len(raw) > MAX_TEXT:
        fields.problem(name, f"has {len(raw)} characters; shorten it to {MAX_TEXT}")
        return None
    return template_of(raw, fields, name, known)


def templates(texts: Mapping[str, str], fields: Fields, known: Known) -> Mapping[str, Template]:
    """Read the named templates of a rule; `known` has their names already."""
    found = {}
    for name, text in texts.items():
        held = _text(text, fields, f"templates.{name}", known)
        if held is not None:
            found[name] = held
    return MappingProxyType(found)


def scalar(fields: Fields, name: str, known: Known) -> str | int | float | bool | Template:
    """Read a string, number or boolean; a string with `{{` is a template."""
    value = fields.value(name)
    if value is None or isinstance(value, list | dict):
        fields.problem(name, f"is {kind(value)}; write a string, a number or true or false")
        return ""
    if isinstance(value, str) and "{{" in value:
        return _text(value, fields, name, known) or ""
    return value
