"""The first summary: the alerts open when a deployment first finds something in, one notification out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from secgraph.alerts.digest import Digest
from secgraph.alerts.notification import ROWS_SHOWN, Event, Notification
from secgraph.alerts.state import AlertState
from secgraph.alerts.text import line
from secgraph.rules.rule import Level, Rule

ID: Final = "summary"
RULES_SHOWN: Final = 40
RULES_EXPLAINED: Final = 3
EXPLAINED: Final = 300
"""Characters of a rule's description and of its advice."""
NAME: Final = 100


def summarised(
    states: Sequence[AlertState], failing: int, now: int, rules: Mapping[str, Rule]
) -> Notification:
    """Sum up open alerts, worst first.

    A few alerts are explained by what their rules say (`rules`, by name): on a quiet deployment the summary
    is the message about its first alert, weeks later. `failing` counts the rules that cannot be evaluated.
    There is no state when all were resolved before a summary that was tried could be sent.
    """
    ordered = sorted(states, key=lambda state: (-state.level, -state.total, state.rule))
    level = ordered[0].level if ordered else Level.INFO
    return Notification(
        id=ID,
        thread=ID,
        event=Event.SUMMARY,
        level=level,
        earlier=level,
        rule=ID,
        pack="",
        description=_headline(ordered),
        remediation="",
        queries=(),
        on=now,
        opened_on=min((each.opened_on for each in ordered if each.opened_on is not None), default=now),
        total=sum(each.total for each in ordered),
        counted=_distinct(ordered),
        groups=len(ordered),
        rows=tuple(_worst(ordered)),
        note=_note(ordered, failing, rules),
    )


def _headline(ordered: Sequence[AlertState]) -> str:
    if not ordered:
        return "no alert is open any more"
    levels = Counter(state.level for state in ordered)
    counts = ", ".join(f"{levels[level]} {level.name.lower()}" for level in sorted(levels, reverse=True))
    return f"{len(ordered)} alert{'s' * (len(ordered) != 1)} open: {counts}"


def _note(ordered: Sequence[AlertState], failing: int, rules: Mapping[str, Rule]) -> str:
    explained = rules if len(ordered) <= RULES_EXPLAINED else {}
    listed = [_listed(state, explained.get(state.rule)) for state in ordered[:RULES_SHOWN]]
    more = len(ordered) - len(listed)
    parts = [
        "The first summary of this deployment." if ordered else "What was open until now is resolved.",
        "\n".join([*listed, *([f"+{more:,} more alerts"] if more > 0 else [])]),
        f"{failing} rule(s) could not be evaluated; `rules check` says why." if failing else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(state: AlertState, rule: Rule | None) -> str:
    head = f"  {state.level.name} · {line(state.rule, NAME)} · {state.total:,} row{'s' * (state.total != 1)}"
    if rule is None:
        return head
    advice = f"What to do: {line(rule.remediation, EXPLAINED)}" if rule.remediation else ""
    return "\n    ".join(each for each in (head, line(rule.description, EXPLAINED), advice) if each)


def _worst(states: Sequence[AlertState]) -> list[Digest]:
    ordered = sorted(
        ((state.level, each) for state in states for each in state.rows[:ROWS_SHOWN]),
        key=lambda pair: (-pair[0], -(pair[1].score or 0.0), pair[1].title),
    )
    return list({each.hash: each for _, each in ordered}.values())[:ROWS_SHOWN]


def _distinct(states: Sequence[AlertState]) -> int:
    """Count the rows of several alerts, one that several have once, as far as they are known."""
    hashes = {hash_ for state in states for hash_ in state.seen.hashes}
    return len(hashes) + sum(state.total - len(state.seen.hashes) for state in states)
