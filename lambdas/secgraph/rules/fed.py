"""What the sources of this version bring into the graph: entity types and their classes, as data.

A rule that asks for none of them can never fire, and must say so (`check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "aws_account": ("Account",),
        "aws_guardduty_finding": ("Finding",),
        "aws_inspector_finding": ("Finding",),
    }
)
