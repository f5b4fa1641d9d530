"""Transforms: their names and how many arguments they take, for the parser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TRANSFORMS: Final[Mapping[str, tuple[int, int | None]]] = {
    "mapTemplate": (1, 1),
    "mapProperty": (1, None),
    "merge": (1, None),
    "join": (0, 1),
    "uniquePropertyValues": (1, 1),
    "length": (0, 0),
}
"""The least and the most arguments; None where any number will do."""


def takes(name: str) -> str:
    """Say how many arguments a transform takes."""
    least, most = TRANSFORMS[name]
    if most == 0:
        return "no argument"
    count = f"{least} or more arguments" if most is None else f"{least} to {most} arguments"
    return "1 argument" if (least, most) == (1, 1) else count
