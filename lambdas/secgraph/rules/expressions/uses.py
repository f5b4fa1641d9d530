"""Uses: an expression → the names that it reads, so that what is missing is told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.rules.expressions.nodes import Expr, Index, Literal, Name, Property, Transform, children

PARAM = "param"
QUERIES = "queries"


def walk(node: Expr) -> Iterator[Expr]:
    """Give an expression and every one inside it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(children(found))


def paths(node: Expr) -> Iterator[tuple[str, ...]]:
    """Give what is read from the context, with what is read of it: `("queries", "query0", "total")`."""
    names: list[str] = []
    subject = node
    while isinstance(subject, Property | Index):
        if isinstance(subject, Property):
            names.append(subject.name)
        elif isinstance(subject.key, Literal) and isinstance(subject.key.value, str):
            names.append(subject.key.value)
        else:
            break
        subject = subject.subject
    if isinstance(subject, Name):
        yield (subject.name, *reversed(names))
        return
    for child in children(subject):
        yield from paths(child)


def parameters(node: Expr) -> list[str]:
    """Give the parameters that an expression reads, by dotted name; "" where that cannot be known."""
    found = [".".join(path[1:]) for path in paths(node) if path[0] == PARAM]
    return [name.removesuffix(".length") for name in found]


def queries(node: Expr) -> list[str]:
    """Give what is read of queries: `query0.total`."""
    return [".".join(path[1:]) for path in paths(node) if path[0] == QUERIES and len(path) > 1]


def templates(node: Expr) -> list[str]:
    """Give the names of templates that are written out."""
    return [
        found.arguments[0].value
        for found in walk(node)
        if isinstance(found, Transform)
        and found.name == "mapTemplate"
        and isinstance(found.arguments[0], Literal)
        and isinstance(found.arguments[0].value, str)
    ]
