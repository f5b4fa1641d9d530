"""Messages: what people read, and that nothing in a finding can break it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from secgraph.alerts.digest import Digest
from secgraph.alerts.lifecycle import AlertState, Kind, Transition
from secgraph.alerts.message import BODY, compose, compose_summary
from secgraph.alerts.rowset import RowSet
from secgraph.rules.rule import Level, Rule, RuleQuery, default_operation

NOON = 1_777_636_800_000  # 2026-05-01T12:00:00Z
RULE = Rule(
    pack="threats.json",
    index=0,
    name="mining",
    description="A host mines coins.",
    queries=(RuleQuery("query0", "FIND aws_guardduty_finding\n  WITH open = true"),),
    operations=(default_operation(Level.HIGH),),
    remediation="Isolate the instance.",
)
ROW = Digest(
    hash=1,
    since=NOON,
    title="i-1 talks to a mining pool",
    type="aws_guardduty_finding",
    target="i-1",
    account="111122223333",
    account_name="shop-prod",
    region="eu-west-1",
    severity="high",
    score=8.0,
    owner="team-shop",
    fix="openssl 1.0 -> 1.1",
    link="https://console.example/finding",
)
OPENED = Transition(
    kind=Kind.OPENED,
    rule="mining",
    seq=3,
    on=NOON,
    level=Level.HIGH,
    earlier=Level.HIGH,
    opened_on=NOON,
    total=1,
    new=1,
    rows=(ROW,),
)


def test_an_opened_alert_says_what_where_whose_since_when_and_what_to_do():
    message = compose(OPENED, RULE)
    assert message.id == "mining#3"
    assert message.subject == "[HIGH] mining opened, 1 row: i-1 talks to a mining pool (shop-prod, eu-west-1)"
    assert message.attributes == {
        "severity": "HIGH",
        "rule": "mining",
        "transition": "opened",
        "id": "mining#3",
    }
    assert (
        message.body
        == """\
HIGH · mining · opened, 1 row

A host mines coins.

What:
1. i-1 talks to a mining pool
   high 8 · aws_guardduty_finding · on i-1
   shop-prod (111122223333) · eu-west-1 · owner team-shop · since 2026-05-01 12:00 UTC
   fix: openssl 1.0 -> 1.1
   https://console.example/finding

Open since 2026-05-01 12:00 UTC, 1 row in all.

What to do: Isolate the instance.

Query:
FIND aws_guardduty_finding
  WITH open = true

Rule mining of threats.json, message 3 of this alert."""
    )


def test_at_most_five_rows_are_shown_and_then_how_many_more():
    rows = tuple(replace(ROW, hash=number, title=f"row {number}") for number in range(50))
    body = compose(replace(OPENED, total=10_000, new=10_000, rows=rows), RULE).body
    assert "5. row 4\n" in body
    assert "row 5\n" not in body
    assert "+9,995 more" in body


def test_new_rows_say_how_many_of_how_many():
    message = compose(replace(OPENED, kind=Kind.NEW_ROWS, total=12, new=1, gone=2), RULE)
    assert message.subject.startswith("[HIGH] mining 1 new of 12 rows: i-1 talks")
    assert "New:\n1. i-1 talks" in message.body
    assert "12 rows in all. 2 rows went away." in message.body
    assert "more" not in message.body
    assert message.attributes["transition"] == "new_rows"


def test_a_raised_level_says_from_which():
    message = compose(replace(OPENED, kind=Kind.LEVEL_RAISED, earlier=Level.LOW), RULE)
    assert message.subject.startswith("[HIGH] mining raised from LOW: i-1")


def test_a_resolved_alert_says_what_is_gone_and_how_long_it_was_open():
    message = compose(replace(OPENED, kind=Kind.RESOLVED, on=NOON + 3_600_000), RULE)
    assert message.subject.startswith("[HIGH] mining resolved: i-1")
    assert "No longer there:\n1. i-1 talks" in message.body
    assert "Was open since 2026-05-01 12:00 UTC, resolved 2026-05-01 13:00 UTC." in message.body


def test_a_failure_says_why_and_that_the_alert_stays():
    message = compose(replace(OPENED, kind=Kind.FAILED, rows=(), error="line 1, column 6: no"), RULE)
    assert message.subject == "[HIGH] mining could not be evaluated"
    assert "The alert stays as it was. The reason: line 1, column 6: no" in message.body


def test_a_rule_that_holds_without_rows_says_so():
    assert "The rule holds without any row." in compose(replace(OPENED, rows=(), total=0), RULE).body


def open_alert(rule: str, level: Level, total: int, *rows: Digest) -> AlertState:
    seen = RowSet.of((row.hash for row in rows), total)
    return AlertState(rule, active=True, level=level, opened_on=NOON, seen=seen, rows=rows)


def test_the_summary_counts_by_level_and_shows_the_worst():
    states = [
        open_alert("low", Level.LOW, 200, replace(ROW, hash=9, title="mild", score=2.0)),
        open_alert("mining", Level.HIGH, 1, ROW),
        open_alert("breach", Level.CRITICAL, 7, replace(ROW, hash=2, title="breach", score=9.5)),
        open_alert("same", Level.LOW, 3, ROW),
    ]
    message = compose_summary(states, 2, NOON)
    assert message.subject == "[CRITICAL] secgraph: 4 alerts open: 1 critical, 1 high, 2 low"
    assert message.attributes == {
        "severity": "CRITICAL",
        "rule": "summary",
        "transition": "summary",
        "id": "summary",
    }
    lines = message.body.splitlines()
    assert lines[2:6] == [
        "  CRITICAL · breach · 7 rows",
        "  HIGH · mining · 1 row",
        "  LOW · low · 200 rows",
        "  LOW · same · 3 rows",
    ]
    titles = [each for each in lines if each[:2] in ("1.", "2.", "3.", "4.")]
    assert titles == ["1. breach", "2. i-1 talks to a mining pool", "3. mild"]
    # 211 rows, of which one is in two alerts, and three are shown.
    assert "+207 more" in lines
    assert "2 rule(s) could not be evaluated" in message.body


def test_a_summary_of_many_alerts_stays_short():
    states = [open_alert(f"rule {number:04}", Level.LOW, 1, ROW) for number in range(1000)]
    message = compose_summary(states, 0, NOON)
    assert "+960 more alerts" in message.body
    assert len(message.body) <= BODY
    assert len(message.subject) < 100


def test_a_summary_of_nothing_says_that_all_is_resolved():
    message = compose_summary([], 0, NOON)
    assert message.subject == "[INFO] secgraph: no alert is open any more"
    assert "What was open until now is resolved." in message.body


ANY = st.text(st.characters(codec=None), max_size=400)


@given(
    name=ANY.filter(bool),
    title=ANY,
    description=ANY,
    kind=st.sampled_from(Kind),
    level=st.sampled_from(Level),
)
def test_whatever_a_finding_or_a_rule_is_called_the_message_is_well_formed(
    name: str, title: str, description: str, kind: Kind, level: Level
):
    row = replace(ROW, title=title.encode("utf-8", "replace").decode())
    rule = replace(RULE, name=name, description=description, remediation=description)
    rule = replace(rule, queries=(RuleQuery("query0", description * 9),) * 5)
    message = compose(
        replace(OPENED, kind=kind, level=level, rows=(row,) * 50, total=10_000, error=title), rule
    )
    assert 0 < len(message.subject) < 100
    assert all(" " <= char <= "~" for char in message.subject)
    assert message.subject.startswith(f"[{level.name}] ")
    assert len(message.body) <= BODY
    assert message.body.encode()
    assert not [char for char in message.body if char < " " and char != "\n"]
    assert all(message.attributes.values())


def test_a_summary_of_a_few_alerts_explains_them():
    few = [open_alert("mining", Level.HIGH, 1, ROW), open_alert("gone", Level.LOW, 1, ROW)]
    body = compose_summary(few, 0, NOON, {"mining": RULE}).body
    assert "  HIGH · mining · 1 row\n    A host mines coins.\n    What to do: Isolate the instance.\n" in body
    assert "  LOW · gone · 1 row\n\n" in body
    many = [open_alert(f"mining-{number}", Level.HIGH, 1, ROW) for number in range(9)]
    rules = {state.rule: replace(RULE, name=state.rule) for state in many}
    assert "What to do" not in compose_summary(many, 0, NOON, rules).body
