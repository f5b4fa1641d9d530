"""`service.additionalInfo` in any of its spellings → its free keys.

Events carry the free keys themselves, newer ones also `value`, the same keys as JSON text, and `type`;
GetFindings answers `value` and `type` alone. All three say the same, so they read the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from secgraph.ingest.body import Body

_USUAL_TYPE: Final = "default"
_SAMPLE: Final = "[SAMPLE] "


def free_keys(service: Body) -> Body:
    """Give the keys that say anything. `value` stays where it is other text than a JSON object, `type`
    where it is another than AWS's constant."""
    more = service.body("additionalInfo")
    inner = _object(more.held.get("value"))
    spelt = set() if inner is None else {"value"}
    if more.held.get("type") == _USUAL_TYPE:
        spelt.add("type")
    said = {name: held for name, held in more.held.items() if name not in spelt}
    kept = {name: held for name, held in {**(inner or {}), **said}.items() if held not in (None, "", {}, [])}
    return Body(kept, more.path)


def is_sample(detail: Body) -> bool:
    """Tell a finding that was generated as a sample, by its mark or by how its title begins."""
    marked = str(free_keys(detail.body("service")).held.get("sample")).lower() == "true"
    return marked or (detail.text("title") or "").startswith(_SAMPLE)


def _object(value: object) -> Mapping[str, object] | None:
    """Read `value` as a JSON object; it is free text, and what is no such object is left as it is."""
    if not isinstance(value, str):
        return None
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return inner if isinstance(inner, dict) else None
