"""`codeVulnerabilityDetails.cwes` → the weaknesses that a finding lets an attacker exploit."""

from __future__ import annotations

import re
from typing import Final

from secgraph.graph.model import GraphChange
from secgraph.ingest import kinds
from secgraph.ingest.body import Body
from secgraph.ingest.things import Thing, Witness

_CWE_ID: Final = re.compile(r"CWE-(?P<number>[0-9]{1,6})")


def weaknesses_of(code: Body) -> tuple[Thing, ...]:
    """Name the weaknesses, once each; a text that is no CWE id stays a property of the finding."""
    ids = (_CWE_ID.fullmatch(text.strip().upper()) for text in code.texts("cwes"))
    numbers = dict.fromkeys(found["number"].lstrip("0") for found in ids if found)
    return tuple(Thing(kinds.CWE, f"cwe-{number}", f"CWE-{number}") for number in numbers if number)


def weakness_changes(weaknesses: tuple[Thing, ...], witness: Witness) -> tuple[GraphChange, ...]:
    """State the weaknesses, which all follow from their keys and are shared by everyone."""
    return tuple(_change(weakness, witness) for weakness in weaknesses)


def _change(weakness: Thing, witness: Witness) -> GraphChange:
    page = f"https://cwe.mitre.org/data/definitions/{weakness.id.removeprefix('CWE-')}.html"
    return witness.of_key(weakness, references=(page,), webLink=page)
