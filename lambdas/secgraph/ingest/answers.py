"""A text as it was sent or found in a file → the texts of the single events in it.

Answers of list calls (`{"Findings": […]}` of GuardDuty's GetFindings, `{"findings": […]}` of Inspector's
ListFindings) hold many findings: each becomes an event of its own, so that one that is not understood holds
back no other. What is no answer is given back as it is; `event.parse` says what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

NAMES: Final = ("Findings", "findings")


def findings_of(document: Mapping[str, object]) -> tuple[str, list[object]] | None:
    """Give the findings of an answer, with the name that holds them; None for anything else."""
    if "detail" in document or "Records" in document:
        return None
    for name in NAMES:
        held = document.get(name)
        if isinstance(held, list):
            return name, held
    return None


def split(text: str) -> list[tuple[str, str]]:
    """Split an answer: where each finding stands in the text (`.Findings[3]`), and its text.

    Any other text is given back whole, standing nowhere in particular.
    """
    if not any(f'"{name}"' in text for name in NAMES):
        return [("", text)]
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return [("", text)]  # whoever parses it says what it is
    found = findings_of(document) if isinstance(document, dict) else None
    if found is None:
        return [("", text)]
    name, findings = found
    return [(f".{name}[{number}]", json.dumps(finding)) for number, finding in enumerate(findings)]
