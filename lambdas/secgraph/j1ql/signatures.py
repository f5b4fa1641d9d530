"""Signatures: which functions exist and what they take (j1ql.md section 13)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signature:
    """`most` is None for any number of arguments. `record`: takes a whole record, `count(x)`."""

    least: int = 1
    most: int | None = 1
    aggregate: bool = False
    record: bool = False
    star: bool = False

    @property
    def arguments(self) -> str:
        """How many arguments it takes, in words."""
        return "one argument" if self.most == 1 else f"{self.least} or more arguments"


SIGNATURES = {
    **dict.fromkeys(("abs", "sqrt", "ceil", "floor", "round"), Signature()),
    **dict.fromkeys(("coalesce", "concat", "merge"), Signature(most=None)),
    "count": Signature(aggregate=True, record=True, star=True),
    **dict.fromkeys(("sum", "avg", "min", "max"), Signature(aggregate=True)),
}
"""Function in lower case → its signature."""

AGGREGATES = frozenset(name for name, signature in SIGNATURES.items() if signature.aggregate)
