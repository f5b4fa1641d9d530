"""The syntax tree of expressions and templates: frozen values that print themselves. In: nothing. Out: types.

`parse(str(expression)) == expression`, and so with `read` of rules/template.py: positions never take part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from secgraph.errors import Position
from secgraph.graph.search import decimal

START: Final = Position(1, 1, 0)

LEVELS: Final = {
    **dict.fromkeys(("&&", "||"), 10),
    **dict.fromkeys(("==", "!=", ">", ">=", "<", "<=", "in"), 20),
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "//"), 40),
    **dict.fromkeys(("%", "^"), 50),
}
"""How tightly operators bind, as in JEXL: `&&` and `||` alike, from left to right."""
_CHOICE, _UNARY, _POSTFIX = 0, 60, 70


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or boolean, or null."""

    value: str | int | float | bool | None

    def __str__(self) -> str:
        match self.value:
            case None:
                return "null"
            case bool(flag):
                return "true" if flag else "false"
            case str(text):
                return quoted(text)
        return decimal(self.value)


@dataclass(frozen=True, slots=True)
class Array:
    """`[a, b]`."""

    items: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True, slots=True)
class Object:
    """`{key: value}`."""

    entries: tuple[tuple[str, Expr], ...]

    def __str__(self) -> str:
        return "{" + ", ".join(f"{quoted(key)}: {value}" for key, value in self.entries) + "}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the context, such as `queries`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Relative:
    """`.age` inside a filter: a property of the element under test."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclass(frozen=True, slots=True)
class Property:
    """`subject.name`."""

    subject: Expr
    name: str

    def __str__(self) -> str:
        return f"{_at(self.subject, _POSTFIX)}.{self.name}"


@dataclass(frozen=True, slots=True)
class Index:
    """`subject[key]`: an element by number or a property by name."""

    subject: Expr
    key: Expr

    def __str__(self) -> str:
        return f"{_at(self.subject, _POSTFIX)}[{self.key}]"


@dataclass(frozen=True, slots=True)
class Where:
    """`subject[test]` whose test names a property of the elements: those for which it holds."""

    subject: Expr
    test: Expr

    def __str__(self) -> str:
        return f"{_at(self.subject, _POSTFIX)}[{self.test}]"


@dataclass(frozen=True, slots=True)
class Transform:
    """`subject | name(arguments)`."""

    subject: Expr
    name: str
    arguments: tuple[Expr, ...] = ()

    def __str__(self) -> str:
        given = f"({', '.join(map(str, self.arguments))})" if self.arguments else ""
        return f"{_at(self.subject, _POSTFIX)} | {self.name}{given}"


@dataclass(frozen=True, slots=True)
class Unary:
    """`!operand` or `-operand`."""

    operator: str
    operand: Expr

    def __str__(self) -> str:
        text = _at(self.operand, _UNARY)
        return f"{self.operator}({text})" if text[0].isdigit() else f"{self.operator}{text}"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; operators of one level are read from left to right."""

    operator: str
    left: Expr
    right: Expr

    def __str__(self) -> str:
        level = LEVELS[self.operator]
        # Brackets that nothing needs, where most readers would take && first.
        mixed = self.operator == "&&" and isinstance(self.left, Binary) and self.left.operator == "||"
        return f"{_at(self.left, level + mixed)} {self.operator} {_at(self.right, level + 1)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? then : otherwise`; without `then` (`test ?: otherwise`) the test itself where it holds."""

    test: Expr
    then: Expr | None
    otherwise: Expr

    def __str__(self) -> str:
        middle = "?:" if self.then is None else f"? {self.then} :"
        return f"{_at(self.test, 1)} {middle} {self.otherwise}"


Expr = (
    Literal
    | Array
    | Object
    | Name
    | Relative
    | Property
    | Index
    | Where
    | Transform
    | Unary
    | Binary
    | Choice
)


@dataclass(frozen=True, slots=True)
class Template:
    """Text with expressions in `{{ }}`; no two texts stand side by side, and none is empty.

    `notes` say what in it may not mean what its author thinks.
    """

    parts: tuple[str | Expr, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else f"{{{{ {part} }}}}" for part in self.parts)

    @property
    def single(self) -> Expr | None:
        """The expression, if the template is exactly one."""
        if len(self.parts) == 1 and not isinstance(self.parts[0], str):
            return self.parts[0]
        return None


def children(node: Expr) -> tuple[Expr, ...]:
    """Give the expressions directly inside one."""
    match node:
        case Array(items):
            return items
        case Object(entries):
            return tuple(value for _, value in entries)
        case Property(subject, _):
            return (subject,)
        case Index(subject, inner) | Where(subject, inner):
            return (subject, inner)
        case Transform(subject, _, arguments):
            return (subject, *arguments)
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Choice(test, then, otherwise):
            return (test, otherwise) if then is None else (test, then, otherwise)
    return ()


def quoted(text: str) -> str:
    """Write a text as the language does."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _at(node: Expr, level: int) -> str:
    """Write a node where one of at least `level` is due."""
    return str(node) if _level(node) >= level else f"({node})"


def _level(node: Expr) -> int:
    match node:
        case Choice():
            return _CHOICE
        case Binary(operator, _, _):
            return LEVELS[operator]
        case Unary():
            return _UNARY
    return _POSTFIX
