"""JSON text with a version in it: plain values in, text out, and back.

A text of an unknown version is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from secgraph.errors import StoreError

Held = TypeVar("Held")


def dump(content: Mapping[str, object], version: int) -> str:
    """Write plain values. Half a character, which no store takes, becomes a question mark."""
    text = json.dumps({"version": version, **content}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def load(text: str, build: Callable[[Any, int], Held], versions: Collection[int]) -> Held:
    """Read what `dump` wrote; `build` is given the values and their version. Raises StoreError."""
    try:
        raw = json.loads(text)
        version = raw["version"]
        if version in versions:
            return build(raw, version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"an item of the alert store cannot be read ({error!r}); restore it as it was from a copy of "
            "the table at an earlier moment (point-in-time recovery)"
        ) from error
    raise StoreError(
        f"an item of the alert store has version {version}; this secgraph reads version {max(versions)}: "
        "deploy the newer one again"
    )
