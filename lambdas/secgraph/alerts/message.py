"""Messages: a transition and its rule in, one message for people out.

It says what, where, whose, since when and what to do, for five rows at most and then how many more. All
text that comes from findings, tags and rules passes through alerts/text.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from secgraph.alerts.digest import Digest
from secgraph.alerts.lifecycle import AlertState, Kind, Transition
from secgraph.alerts.ports import Message
from secgraph.alerts.text import ascii_line, line, paragraph
from secgraph.rules.rule import Level, Rule

SUBJECT: Final = 99
"""SNS takes fewer than 100 characters, ASCII, no line break."""
BODY: Final = 5_000
ROWS_SHOWN: Final = 5
RULES_SHOWN: Final = 40
RULES_EXPLAINED: Final = 3
EXPLAINED: Final = 300
"""Characters of a rule's description and of its advice in a summary."""
NAME: Final = 45
DESCRIPTION: Final = 700
QUERY: Final = 600
QUERIES_SHOWN: Final = 2
SUMMARY: Final = "summary"
RETIRED: Final = "is watched no more"


def compose(transition: Transition, rule: Rule) -> Message:
    """Write the message of a transition."""
    parts = [
        f"{transition.level.name} · {line(rule.name, 255)} · {_event(transition)}",
        paragraph(rule.description, DESCRIPTION),
        _rows(transition),
        _times(transition),
        f"What to do: {paragraph(rule.remediation, DESCRIPTION)}" if rule.remediation else "",
        _queries(rule),
        f"Rule {line(rule.name, 255)} of {line(rule.pack, 100)}, message {transition.seq} of this alert.",
    ]
    id_, kind = f"{rule.name}#{transition.seq}", transition.kind.name.lower()
    return _message(id_, _subject(transition, rule), parts, transition.level, rule.name, kind)


def compose_retired(transition: Transition, reason: str) -> Message:
    """Write the message about an alert whose rule is evaluated no more, for the `reason` given."""
    name = line(transition.rule, 255)
    since = f"It was open since {_time(transition.opened_on)}"
    parts = [
        f"{transition.level.name} · {name} · {RETIRED}",
        f"{reason} Its alert was closed for that, not because anything was fixed.",
        "\n".join(["Its last rows:", *_listed(transition.rows, transition.total)]) if transition.rows else "",
        f"{since}, closed {_time(transition.on)}. If the rule comes back, its alert opens anew.",
    ]
    head = f"[{transition.level.name}] {ascii_line(transition.rule, NAME)} {RETIRED}"
    id_, kind = f"{transition.rule}#{transition.seq}", Kind.RETIRED.name.lower()
    return _message(id_, ascii_line(head, SUBJECT), parts, transition.level, transition.rule, kind)


def compose_summary(
    states: Sequence[AlertState],
    failing: int,
    now: int,
    rules: Mapping[str, Rule] = MappingProxyType({}),
) -> Message:
    """Write the one message that opens a deployment: the alerts that are open, worst first.

    A few alerts are explained by what their rules say (`rules`, by name): on a quiet deployment the summary
    is the message about its first alert, weeks later. `failing` counts the rules that cannot be evaluated.
    Each state is of an open alert; there is none when all were resolved before an earlier summary could be
    sent.
    """
    if not states:
        return _empty_summary(now)
    ordered = sorted(states, key=lambda state: (-state.level, -state.total, state.rule))
    levels = Counter(state.level for state in ordered)
    counts = ", ".join(f"{levels[level]} {level.name.lower()}" for level in sorted(levels, reverse=True))
    explained = rules if len(ordered) <= RULES_EXPLAINED else {}
    shown = [_opened(state, explained.get(state.rule)) for state in ordered]
    top = sorted(
        ((state.level, each) for state in ordered for each in state.rows[:ROWS_SHOWN]),
        key=lambda pair: (-pair[0], -(pair[1].score or 0.0), pair[1].title),
    )
    distinct = list({each.hash: each for _, each in top}.values())
    opened = f"{len(ordered)} alert{'s' * (len(ordered) != 1)} open: {counts}"
    parts = [
        f"The first summary of this deployment, {_time(now)}. {opened}.",
        "\n".join([*shown[:RULES_SHOWN], *_more(len(shown) - RULES_SHOWN, "alerts")]),
        "\n".join(["First of all:", *_listed(distinct, _distinct(ordered))]),
        f"{failing} rule(s) could not be evaluated; `rules check` says why." if failing else "",
        "From now on each change of an alert has a message of its own.",
    ]
    subject = ascii_line(f"[{ordered[0].level.name}] secgraph: {opened}", SUBJECT)
    return _message(SUMMARY, subject, parts, ordered[0].level, SUMMARY, SUMMARY)


def _opened(state: AlertState, rule: Rule | None) -> str:
    head = f"  {state.level.name} · {line(state.rule, 100)} · {_number(state.total)}"
    if rule is None:
        return head
    advice = f"What to do: {line(rule.remediation, EXPLAINED)}" if rule.remediation else ""
    return "\n    ".join(each for each in (head, line(rule.description, EXPLAINED), advice) if each)


def _distinct(states: Sequence[AlertState]) -> int:
    """Count the rows of several alerts, one that several have once, as far as they are known."""
    hashes = {hash_ for state in states for hash_ in state.seen.hashes}
    return len(hashes) + sum(state.total - len(state.seen.hashes) for state in states)


def _empty_summary(now: int) -> Message:
    parts = [
        f"The first summary of this deployment, {_time(now)}. What was open until now is resolved.",
        "From now on each change of an alert has a message of its own.",
    ]
    subject = "[INFO] secgraph: no alert is open any more"
    return _message(SUMMARY, subject, parts, Level.INFO, SUMMARY, SUMMARY)


def _message(id_: str, subject: str, parts: Sequence[str], level: Level, rule: str, what: str) -> Message:
    """Put a message together. Its id is an attribute too, for programs: a repeated message has the same."""
    attributes = {
        "severity": level.name,
        "rule": line(rule, 255) or "unnamed",
        "transition": what,
        "id": line(id_, 300) or "unnamed",
    }
    return Message(id_, subject, _body(parts), MappingProxyType(attributes))


def _body(parts: Sequence[str]) -> str:
    return paragraph("\n\n".join(part for part in parts if part), BODY)


# ── subject ───────────────────────────────────────────────────────────────────────────────────────────


def _subject(transition: Transition, rule: Rule) -> str:
    """Say level, rule, event, and the first row with its place as far as there is room."""
    head = f"[{transition.level.name}] {ascii_line(rule.name, NAME)} {_event(transition)}"
    if transition.kind is Kind.FAILED or not transition.rows:
        return ascii_line(head, SUBJECT)
    first = transition.rows[0]
    where = ", ".join(word for word in (first.account_name or first.account, first.region) if word)
    return ascii_line(f"{head}: {first.title}{f' ({where})' if where else ''}", SUBJECT)


def _event(transition: Transition) -> str:
    match transition.kind:
        case Kind.OPENED:
            return f"opened, {_number(transition.total)}"
        case Kind.NEW_ROWS:
            return f"{transition.new:,} new of {_number(transition.total)}"
        case Kind.LEVEL_RAISED:
            return f"raised from {transition.earlier.name}"
        case Kind.RESOLVED:
            return "resolved"
        case Kind.RETIRED:
            return RETIRED
        case Kind.FAILED:
            return "could not be evaluated"


def _number(rows: int) -> str:
    return f"{rows:,} row{'s' * (rows != 1)}"


# ── body ──────────────────────────────────────────────────────────────────────────────────────────────


def _rows(transition: Transition) -> str:
    if transition.kind is Kind.FAILED:
        return f"The alert stays as it was. The reason: {line(transition.error, DESCRIPTION)}"
    if not transition.rows:
        return "The rule holds without any row." if transition.kind is not Kind.RESOLVED else ""
    counted = transition.new if transition.kind is Kind.NEW_ROWS else transition.total
    heading = {Kind.NEW_ROWS: "New:", Kind.RESOLVED: "No longer there:"}.get(transition.kind, "What:")
    return "\n".join([heading, *_listed(transition.rows, counted)])


def _listed(rows: Sequence[Digest], counted: int) -> list[str]:
    shown = [_row(number, each) for number, each in enumerate(rows[:ROWS_SHOWN], start=1)]
    return [*shown, *_more(counted - len(shown), "")]


def _more(left: int, of: str) -> list[str]:
    return [f"+{left:,} more {of}".rstrip()] if left > 0 else []


def _row(number: int, row: Digest) -> str:
    score = "" if row.score is None else f" {row.score:g}"
    account = f"{row.account_name} ({row.account})" if row.account_name and row.account else ""
    target = f"on {row.target}" if row.target and row.severity else row.target
    what = [f"{row.severity}{score}".strip(), row.type, target]
    where = [
        account or row.account_name or row.account,
        row.region,
        f"owner {row.owner}" if row.owner else "",
        f"since {_time(row.since)}" if row.found is None else f"first seen {_time(row.found)}",
    ]
    fix = f"fix: {row.fix}" if row.fix else ""
    lines = [f"{number}. {row.title}", *(_joined(words) for words in (what, where)), fix, row.link]
    return "\n   ".join(each for each in lines if each)


def _joined(words: Sequence[str]) -> str:
    return " · ".join(word for word in words if word)


def _times(transition: Transition) -> str:
    if transition.kind is Kind.FAILED:
        return ""
    since = f"Open since {_time(transition.opened_on)}"
    if transition.kind is Kind.RESOLVED:
        return f"Was open since {_time(transition.opened_on)}, resolved {_time(transition.on)}."
    gone = f" {_number(transition.gone)} went away." if transition.gone else ""
    return f"{since}, {_number(transition.total)} in all.{gone}"


def _queries(rule: Rule) -> str:
    shown = [paragraph(query.text, QUERY) for query in rule.queries[:QUERIES_SHOWN]]
    return "\n".join(["Query:", *shown, *_more(len(rule.queries) - QUERIES_SHOWN, "queries")])


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
