"""How much work templates may still do: nothing is made or looked at without being paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_STEPS: Final = 500_000
"""Nodes evaluated, and elements looked at, for one action of a rule (half a second to a second)."""
MAX_TEXT: Final = 2_000_000
"""Characters that texts made on the way may have in all."""
MAX_LEVELS: Final = 160
"""Deepest nesting of evaluation, templates inside templates included: two calls of Python each."""
MAX_TEMPLATES: Final = 5
"""Deepest nesting of mapTemplate."""
MAX_ELEMENTS: Final = 20_000
"""Elements of a list that an expression makes."""


class EvaluationError(ValueError):
    """An expression that cannot be evaluated on this input; the text says why and what to do."""


@dataclass(slots=True)
class Budget:
    """What is left. `levels` and `templates` count how deep the evaluation stands."""

    steps: int = MAX_STEPS
    text: int = MAX_TEXT
    levels: int = 0
    templates: int = 0

    def step(self, count: int = 1) -> None:
        """Pay for work."""
        self.steps -= count
        if self.steps < 0:
            raise EvaluationError("takes too much work; select fewer rows in the query or write less per row")

    def write(self, characters: int) -> None:
        """Pay for a text that is made."""
        self.text -= characters
        if self.text < 0:
            raise EvaluationError(f"makes more than {MAX_TEXT} characters of text; write less per row")

    def elements(self, count: int) -> None:
        """Pay for a list that is made."""
        if count > MAX_ELEMENTS:
            raise EvaluationError(f"makes a list of more than {MAX_ELEMENTS} elements; select fewer rows")
        self.step(count)

    def enter(self) -> None:
        """Go a level deeper; errors end the evaluation, so only success needs `leave`."""
        self.step()
        self.levels += 1
        if self.levels > MAX_LEVELS:
            raise EvaluationError(f"nests deeper than {MAX_LEVELS} levels; write it flatter")

    def leave(self) -> None:
        """Go up again."""
        self.levels -= 1

    def enter_template(self) -> None:
        """Begin a template inside a template."""
        self.templates += 1
        if self.templates > MAX_TEMPLATES:
            raise EvaluationError(f"nests templates more than {MAX_TEMPLATES} deep; does one use itself?")

    def leave_template(self) -> None:
        """End it."""
        self.templates -= 1
