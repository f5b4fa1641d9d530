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
_OTHERS: Final = ("detail", "Records", "findingArn", "arn", "Arn")
"""Members of events, batches and single findings, which answers do not have."""


def findings_of(document: Mapping[str, object]) -> tuple[str, list[object]] | None:
    """Give the findings of an answer, with the name that holds them; None for anything else."""
    if any(document.get(name) is not None for name in _OTHERS):
        return None
    for name in NAMES:
        held = document.get(name)
        if isinstance(held, list):
            return name, held
    return None


def split(text: str) -> list[tuple[str, str]]:
    """Split an answer: where each finding stands in the text (`.Findings[3]`), and its text.

    Any other text is given back whole, standing nowhere in particular; so is an answer without findings,
    since nothing that came may vanish, and one that is nested too deeply to be taken apart.
    """
    name, findings = _read(text) or ("", [])
    try:
        parts = [(f".{name}[{number}]", json.dumps(finding)) for number, finding in enumerate(findings)]
    except RecursionError:
        return [("", text)]
    return parts or [("", text)]


def is_empty(text: str) -> bool:
    """Tell whether this is an answer without findings, as the last page of a list may be."""
    found = _read(text)
    return found is not None and not found[1]


def _read(text: str) -> tuple[str, list[object]] | None:
    if not any(f'"{name}"' in text for name in NAMES):
        return None
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None  # whoever parses it says what it is
    return findings_of(document) if isinstance(document, dict) else None
