"""Printing: a node → its canonical text, which parses back to an equal node; a column → its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from secgraph.j1ql.moments import iso
from secgraph.j1ql.nodes import (
    AllOf,
    And,
    AnyOf,
    Arithmetic,
    Block,
    Call,
    Column,
    Comparison,
    Direction,
    EntityPattern,
    Everything,
    Hop,
    Key,
    Literal,
    Moment,
    Name,
    Negative,
    Offset,
    Or,
    Parameter,
    Path,
    Query,
    Record,
    Regex,
    Selector,
    Subquery,
    Tree,
)
from secgraph.j1ql.text.lexer import KEYWORDS

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARTS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_MORE_PARTS = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")

_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_MINUS, _ATOM = 3, 5
"""How tightly operators bind; a minus stands between `*` and `^`."""


def canonical(node: object) -> str:
    """The canonical text of any node."""
    return _PRINTERS[type(node)](node)


def column_name(column: Column) -> str:
    """The name of a result column: what AS gave, else the canonical text with the brackets of property
    names dropped (j1ql.md section 12). `x.*` gives the prefix `x.`, one column a property."""
    if column.name is not None:
        return column.name
    if isinstance(column.item, Everything):
        return f"{column.item.selector}."
    return expression_text(column.item)


def expression_text(node: object) -> str:
    """The text by which HAVING and ORDER BY find an unnamed column again."""
    return _expression(
        node, lambda path: f"{path.selector}.{path.property}" if path.selector else path.property
    )


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(float(value))


def _literal(node: Literal) -> str:
    match node.value:
        case None:
            return "undefined"
        case bool():
            return "true" if node.value else "false"
        case str():
            return _quoted(node.value)
    return _number(float(node.value))


def _regex(node: Regex) -> str:
    return f"/{node.pattern}/{'i' if node.ignore_case else ''}"


def _moment(node: Moment) -> str:
    base = "date.now" if node.base is None else f"date({iso(node.base)})"
    return " ".join([base, *map(_offset, node.offsets)])


def _offset(node: Offset) -> str:
    amount = abs(node.amount)
    return f"{'-' if node.amount < 0 else '+'} {_number(amount)} {node.unit}{'' if amount == 1 else 's'}"


def _path(node: Path) -> str:
    """A property in the plain notation if that reads back as the same property, else in brackets."""
    if node.selector is not None:
        plain = _MORE_PARTS.fullmatch(node.property)
        return f"{node.selector}.{node.property if plain else f'[{node.property}]'}"
    moment = node.property.lower() == "date.now"
    return node.property if _PARTS.fullmatch(node.property) and not moment else f"[{node.property}]"


def _listed(items: Iterable[object], word: str) -> str:
    return f"({f' {word} '.join(map(canonical, items))})"


# ── filters ───────────────────────────────────────────────────────────────────────────────────────────


def _and(node: And) -> str:
    return " AND ".join(f"({item})" if isinstance(item, Or) else str(item) for item in node.items)


def _or(node: Or) -> str:
    return " OR ".join(map(str, node.items))


# ── entities and steps ────────────────────────────────────────────────────────────────────────────────


def _selector(node: Selector) -> str:
    if node.text is not None:
        return _quoted(node.text)
    smart = (
        [] if node.smart is None else [f"#{node.smart if _WORD.fullmatch(node.smart) else f'[{node.smart}]'}"]
    )
    bare = len(node.names) == 1 and node.names[0].upper() not in KEYWORDS
    names = [node.names[0]] if bare else [f"({'|'.join(node.names)})"] if node.names else []
    return " ".join(smart + names)


def _entity(node: EntityPattern) -> str:
    return _joined(node.selector, node.filter and f"WITH {node.filter}", node.alias and f"AS {node.alias}")


def _hop(node: Hop) -> str:
    verbs = (
        "RELATES TO"
        if not node.verbs
        else node.verbs[0]
        if len(node.verbs) == 1
        else f"({'|'.join(node.verbs)})"
    )
    arrow = node.direction.value if node.direction is not Direction.ANY else None
    bang = "!" if node.negated else ""
    return _joined("THAT", bang + verbs, arrow, node.alias and f"AS {node.alias}", node.target)


def _block(node: Block) -> str:
    return _joined(f"({_joined(*node.steps)})?", node.alias and f"AS {node.alias}")


def _joined(*words: object) -> str:
    return " ".join(str(word) for word in words if word)


# ── expressions ───────────────────────────────────────────────────────────────────────────────────────


def _expression(node: object, path: Callable[[Path], str]) -> str:
    match node:
        case Path():
            return path(node)
        case Call():
            arguments = ["*"] if node.star else [_expression(argument, path) for argument in node.arguments]
            return f"{node.function}({', '.join(arguments)})"
        case Negative():
            return "-" + _operand(node.operand, _MINUS, path)
        case Arithmetic():
            return _arithmetic(node, path)
    return canonical(node)


def _arithmetic(node: Arithmetic, path: Callable[[Path], str]) -> str:
    """With the brackets that the tree needs: `^` joins to the right, the others to the left."""
    binding = _BINDING[node.operator]
    least = (_ATOM, _MINUS) if node.operator == "^" else (binding, binding + 1)
    left, right = _operand(node.left, least[0], path), _operand(node.right, least[1], path)
    return f"{left} {node.operator} {right}"


def _operand(node: object, least: int, path: Callable[[Path], str]) -> str:
    text = _expression(node, path)
    return text if _binding(node) >= least else f"({text})"


def _binding(node: object) -> int:
    match node:
        case Arithmetic():
            return _BINDING[node.operator]
        case Negative():
            return _MINUS
        case Moment() if node.offsets:
            return 0
    return _ATOM


def _word(name: str) -> str:
    return name if _WORD.fullmatch(name) and name.upper() not in KEYWORDS else _quoted(name)


# ── results ───────────────────────────────────────────────────────────────────────────────────────────


def _column(node: Column) -> str:
    return _joined(node.item, None if node.name is None else f"AS {_word(node.name)}")


def _query(node: Query) -> str:
    returns = "TREE" if isinstance(node.returns, Tree) else ", ".join(map(str, node.returns or ()))
    return _joined(
        "FIND",
        "UNIQUE" if node.unique else None,
        node.start,
        *node.steps,
        node.where and f"WHERE {node.where}",
        returns and f"RETURN {returns}",
        node.having and f"HAVING {node.having}",
        node.order and f"ORDER BY {', '.join(map(str, node.order))}",
        None if node.skip is None else f"SKIP {node.skip}",
        None if node.limit is None else f"LIMIT {node.limit}",
    )


def _exact(node: object) -> str:
    return _expression(node, _path)


_PRINTERS: dict[type, Callable[..., str]] = {
    Literal: _literal,
    Regex: _regex,
    Offset: _offset,
    Moment: _moment,
    Parameter: lambda node: f"${{{node.name}}}",
    Path: _path,
    AllOf: lambda node: _listed(node.items, "AND"),
    AnyOf: lambda node: _listed(node.items, "OR"),
    Subquery: lambda node: f"({node.query})",
    Comparison: lambda node: f"{node.left} {node.op.value} {node.right}",
    And: _and,
    Or: _or,
    Selector: _selector,
    EntityPattern: _entity,
    Hop: _hop,
    Block: _block,
    Record: lambda node: node.selector,
    Everything: lambda node: f"{node.selector}.*",
    Name: lambda node: _word(node.name),
    Call: _exact,
    Negative: _exact,
    Arithmetic: _exact,
    Column: _column,
    Tree: lambda _: "TREE",
    Key: lambda node: f"{node.expression} DESC" if node.descending else str(node.expression),
    Query: _query,
}
