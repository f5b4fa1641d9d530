"""The severity and scores of an Inspector finding → properties (data-model c.3, c.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.values import facts

_SCORES: Final[Mapping[str, float]] = {
    "CRITICAL": 9.5,
    "HIGH": 8.0,
    "MEDIUM": 5.5,
    "LOW": 2.0,
    "INFORMATIONAL": 0,
    "UNTRIAGED": 0,
}
"""The score of a label where AWS gives none, as for network and code findings."""


def score_facts(detail: Body) -> dict[str, Value]:
    """Give label and number, both as AWS says them, and how the number came about."""
    raw = detail.required("severity")
    if raw.upper() not in _SCORES:
        raise EventError(f"{raw[:40]!r} is none of {', '.join(_SCORES)}", detail.at("severity"))
    adjusted = detail.body("inspectorScoreDetails").body("adjustedCvss")
    scores = detail.body("packageVulnerabilityDetails").bodies("cvss")
    stated = (
        detail.number("inspectorScore"),
        adjusted.number("score"),
        highest(scores),
        _SCORES[raw.upper()],
    )
    number = next(each for each in stated if each is not None)
    return facts(
        severity=raw.lower(),
        j1_severity=raw.lower(),
        rawSeverity=raw,
        numericSeverity=number,
        score=number,
        vector=adjusted.text("scoringVector"),
        cvssVersion=adjusted.text("version"),
        scoreSource=adjusted.text("scoreSource"),
        cvssSource=adjusted.text("cvssSource"),
        cvssAdjustments=_adjustments(adjusted),
        cvss3BaseScore=highest([each for each in scores if (each.text("version") or "").startswith("3")]),
        cvssScores=_by_source(scores),
    )


def highest(scores: tuple[Body, ...] | list[Body]) -> int | float | None:
    """Give the highest base score."""
    return max((score for each in scores if (score := each.number("baseScore")) is not None), default=None)


def _by_source(scores: tuple[Body, ...]) -> list[str]:
    """List the base scores as `source=score`."""
    named = ((each.text("source"), each.number("baseScore")) for each in scores)
    return [f"{source}={score}" for source, score in named if source and score is not None]


def _adjustments(adjusted: Body) -> list[str]:
    """List why Inspector's score differs from the vendor's, as `metric: reason`."""
    told = ((each.text("metric"), each.text("reason")) for each in adjusted.bodies("adjustments"))
    return [f"{metric}: {reason}" for metric, reason in told if metric and reason]
