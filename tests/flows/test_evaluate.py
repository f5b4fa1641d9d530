"""EVALUATE, told as stories: what is due, what is kept, who hears of it. Store: the local file's, real."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.alerts.decisions import Decisions, Dismissal, decision_id, dump_decisions
from secgraph.alerts.groups import WHOLE
from secgraph.alerts.notification import Event, Notification
from secgraph.alerts.outbox import OUTBOX, load_record
from secgraph.alerts.ports import Outgoing, Stored
from secgraph.alerts.stored import DEPLOYMENT, Alert, alert_id, load_alert, load_deployment
from secgraph.errors import ChannelError, Position, QueryError, StoreUnavailable
from secgraph.flows.evaluate import evaluate
from secgraph.flows.evaluated import EvaluationReport
from secgraph.flows.notify import SendReport, send_due
from secgraph.rules.actions import OtherAction
from secgraph.rules.condition import AnyTotal
from secgraph.rules.pack import load
from secgraph.rules.rows import Answer
from secgraph.rules.rule import Interval, Operation, Rule

MINUTE = 60_000
QUARTER = 15 * MINUTE
START = 1_777_636_800_000


@dataclass
class World:
    """A graph that is only its answers, a channel that is a list, and a clock that is moved by hand."""

    store: LocalAlerts
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, bool]] = field(default_factory=list)
    sent: list[Notification] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    now: int = START
    runs: int = 0
    down: bool = False

    def ask(self, text: str, *, include_deleted: bool, placeholders: Any = None) -> Answer:
        self.asked.append((text, include_deleted))
        answer = self.answers.get(text, [])
        if callable(answer):
            raise answer()
        rows = [
            {"id": str(row), "entity": {"_id": str(row)}, "properties": {"name": str(row)}} for row in answer
        ]
        return Answer("list", rows, len(rows))

    def send(self, outgoing: Outgoing) -> None:
        if self.down:
            raise ChannelError("the topic is down")
        if outgoing.notification is not None:
            self.sent.append(outgoing.notification)
        if outgoing.effect is not None:
            self.effects.append(f"{outgoing.effect.kind} {outgoing.effect.payload}")

    def tick(self, *rules: Rule, later: int = QUARTER, **options: Any) -> EvaluationReport:
        """Evaluate, and send what that put into the outbox."""
        self.now += later
        self.runs += 1
        self.asked.clear()
        report = evaluate(
            rules,
            ask=self.ask,
            store=self.store,
            channels=["topic"],
            now=self.now,
            run=f"run-{self.runs}",
            **options,
        )
        self.deliver()
        return report

    def deliver(self) -> SendReport:
        channels = dict.fromkeys(("topic", "action:sqs", "action:webhook"), self)
        return send_due(self.store, channels, now=self.now, run=f"send-{self.runs}")

    def heard(self) -> list[str]:
        """Give what was sent since the last look: rule and transition."""
        found = [f"{told.rule} {told.event.name.lower()}" for told in self.sent]
        self.sent.clear()
        return found

    def waiting(self) -> list[str]:
        """Give the ids in the outbox."""
        return [load_record(item.body).id for item in self.store.read_all(OUTBOX).values()]

    def alert(self, rule: str) -> Alert:
        held = self.store.read(alert_id(rule))
        assert held is not None
        return load_alert(held.body)


@pytest.fixture
def world() -> Iterator[World]:
    with duckdb.connect(":memory:") as connection:
        yield World(LocalAlerts(connection))


@pytest.fixture
def told(world: World) -> World:
    """A deployment whose first summary is sent, and nothing is open any more."""
    world.answers["FIND Seed"] = [1]
    seed = rule("seed", "FIND Seed")
    world.tick(seed)
    world.answers.clear()
    world.tick(seed)
    assert world.heard() == ["summary summary", "seed resolved"]
    return world


def rule(name: str, query: str = "", level: str = "LOW", **changes: Any) -> Rule:
    queries = [{"query": query or f"FIND {name.title()}"}]
    text = {"name": name, "description": "d", "queries": queries, "alertLevel": level}
    (made,) = load(json.dumps(text), "p.json").rules
    return replace(made, **{"interval": Interval.FIFTEEN_MINUTES, **changes})


def sending(actions: str, **changes: Any) -> Rule:
    """Make the rule `a` of these actions: `alert`, `send`, or `fail`, which sends what there is not."""
    sqs = {"type": "SEND_SQS_MESSAGE", "queueUrl": "https://sqs.example/q"}
    known = {
        "alert": {"type": "CREATE_ALERT"},
        "send": {**sqs, "data": {"a": 1}},
        "fail": {**sqs, "data": {"a": "{{[1] | mapTemplate('x' + '')}}"}},
    }
    made = [known[name] for name in actions.split()]
    operation = {"when": "{{queries.query0.total > 0}}", "actions": made}
    text = {"name": "a", "description": "d", "alertLevel": "LOW", "templates": {"y": "t"}}
    asked = {"queries": [{"query": "FIND A"}], "operations": [operation]}
    (loaded,) = load(json.dumps([text | asked]), "p.json").rules
    return replace(loaded, **{"interval": Interval.FIFTEEN_MINUTES, **changes})


def test_each_transition_has_one_message_and_an_unchanged_result_none(told: World):
    a = rule("a")
    heard = []
    for rows in ([], [1], [1], [1, 2], [2], [], [], [3]):
        told.answers["FIND A"] = rows
        told.tick(a)
        heard.append(told.heard())
    assert heard == [[], ["a opened"], [], ["a new_rows"], [], ["a resolved"], [], ["a opened"]]


def test_a_message_leads_to_the_page_about_its_alert(told: World):
    told.answers["FIND A"] = [1]
    told.tick(rule("a"), web_link=lambda name: f"https://wiki.example.com/{name}")
    assert [each.link for each in told.sent] == ["https://wiki.example.com/a"]


def test_a_flood_of_existing_findings_is_one_message(world: World):
    rules = [rule(name) for name in ("a", "b", "c")]
    world.answers = {"FIND A": list(range(300)), "FIND B": [1]}
    report = world.tick(*rules)
    assert [result.transition for result in report.results] == ["opened", "opened", ""]
    assert not report.quiet
    (told,) = world.sent
    assert (told.event, told.description, told.total) == (Event.SUMMARY, "2 alerts open: 2 low", 301)
    assert "a · 300 rows" in told.note
    world.heard()
    world.answers["FIND C"] = [1]
    world.tick(*rules)
    assert world.heard() == ["c opened"]


def test_a_first_tick_with_nothing_open_keeps_the_deployment_quiet(world: World):
    rules = [rule("a"), rule("b")]
    for _ in range(3):
        assert world.tick(*rules).quiet
    world.answers = {"FIND A": [1], "FIND B": [1]}
    world.tick(*rules)
    assert world.heard() == ["summary summary"]


def test_the_first_summary_waits_for_the_first_load_and_tells_of_every_rule(world: World):
    """`b` was evaluated before the load, and by itself would only be again a week later."""
    rules, asked = [rule("a"), rule("b", interval=Interval.ONE_WEEK)], []

    def settling(began_on: int) -> bool:
        asked.append(began_on)
        return len(asked) < 4

    world.tick(*rules, settling=settling)
    world.answers = {"FIND A": [1], "FIND B": [1]}
    assert world.tick(*rules, settling=settling).quiet
    world.tick(*rules, settling=settling, only_on_change=True)
    assert (len(asked), world.heard()) == (2, []), "a run on change ends nothing"
    assert world.tick(*rules, settling=settling).quiet
    report = world.tick(*rules, settling=settling)
    assert (report.quiet, [each.transition for each in report.results]) == (False, ["opened", ""])
    assert world.sent[0].description == "2 alerts open: 2 low"
    assert world.heard() == ["summary summary"]
    assert asked == [START + QUARTER] * 4
    world.tick(*rules, settling=settling)
    assert (len(asked), world.heard()) == (4, []), "who has spoken waits for nothing"


def test_what_opens_once_all_has_settled_is_told_by_itself_also_if_nothing_was_open(world: World):
    a = rule("a")
    assert not world.tick(a, settling=lambda _: False).quiet
    assert world.heard() == []
    world.answers = {"FIND A": [1]}
    world.tick(a, settling=lambda _: False)
    assert world.heard() == ["a opened"]


def test_who_is_overtaken_before_it_has_its_graph_writes_nothing(told: World):
    """The alerts are read first: a graph that is older than another run's comes with older alerts."""
    a = rule("a")
    report = told.tick(a, refresh=lambda: told.tick(a, later=0))
    assert [each.outcome for each in report.results] == ["overtaken"]


def test_what_happens_while_the_summary_waits_is_told_after_it(world: World):
    a, b = rule("a"), rule("b")
    world.down = True
    world.answers = {"FIND A": [1], "FIND B": [1]}
    world.tick(a, b)
    world.answers = {"FIND A": [1, 2]}
    world.tick(a, b)
    world.down = False
    world.tick(a, b)
    assert world.heard() == ["summary summary", "a new_rows", "b resolved"]
    assert world.tick(a, b).told == ()


def test_a_resolved_message_follows_an_alert_that_the_summary_told(world: World):
    a = rule("a")
    world.answers = {"FIND A": [1]}
    world.tick(a)
    world.answers = {}
    world.tick(a)
    assert world.heard() == ["summary summary", "a resolved"]


def test_an_alert_that_changed_beside_the_summary_is_told_soon(world: World):
    """Another run, which saw the deployment still quiet, opened `late` while this one sent the summary."""
    late = rule("late", interval=Interval.ONE_WEEK)
    world.answers = {"FIND A": [1], "FIND Late": [1]}
    world.tick(late)
    world.tick(rule("a"))
    held = world.store.read(DEPLOYMENT)
    assert held is not None
    summary = load_deployment(held.body)
    assert summary.covered == {"late": 1}
    world.heard()
    uncovered = held.body.replace('"covered":{"late":1}', '"covered":{"a":1}')
    world.store.put(Stored(DEPLOYMENT, held.rev + 1, uncovered))
    world.tick(late)
    assert world.heard() == ["late opened"]
    world.tick(late)
    assert world.heard() == []


# ── what is due ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("interval", "later", "due"),
    [
        (Interval.FIFTEEN_MINUTES, QUARTER, True),
        (Interval.FIFTEEN_MINUTES, QUARTER - 4 * MINUTE, True),
        (Interval.FIFTEEN_MINUTES, QUARTER - 6 * MINUTE, False),
        (Interval.ONE_HOUR, 3 * QUARTER, False),
        (Interval.ONE_HOUR, 4 * QUARTER, True),
        (Interval.ONE_DAY, 50 * 60 * MINUTE, True),
        (Interval.ONE_DAY, -QUARTER, True),
        (Interval.DISABLED, 10_000 * QUARTER, False),
    ],
)
def test_a_rule_is_due_after_its_interval(told: World, interval: Interval, later: int, due: bool):
    a = rule("a")
    told.tick(a)
    report = told.tick(replace(a, interval=interval), later=later)
    assert [result.rule for result in report.results] == (["a"] if due else [])
    assert list(report.not_due) == ([] if due else ["a"])


def test_a_new_rule_is_due_at_once_and_a_disabled_one_never(told: World):
    report = told.tick(rule("a", interval=Interval.ONE_WEEK), rule("b", interval=Interval.DISABLED))
    assert [result.rule for result in report.results] == ["a"]
    report = told.tick(rule("b", interval=Interval.DISABLED), due_only=False)
    assert report.results == ()


@pytest.mark.parametrize(
    ("intervals", "due"),
    [
        ({}, False),
        ({"p.json": Interval.FIFTEEN_MINUTES}, True),
        ({"*": Interval.FIFTEEN_MINUTES}, True),
        ({"*": Interval.FIFTEEN_MINUTES, "p.json": Interval.ONE_DAY}, False),
        ({"other.json": Interval.FIFTEEN_MINUTES}, False),
    ],
)
def test_configuration_overrides_the_interval(told: World, intervals: Mapping[str, Interval], due: bool):
    a = rule("a", interval=Interval.ONE_DAY)
    told.tick(a)
    assert bool(told.tick(a, intervals=intervals).results) is due
    assert told.tick(replace(a, interval=Interval.DISABLED), intervals=intervals).results == ()


def test_everything_is_evaluated_when_asked_for(told: World):
    a = rule("a", interval=Interval.ONE_WEEK)
    told.tick(a)
    assert [result.rule for result in told.tick(a, due_only=False).results] == ["a"]


def test_a_run_without_time_leaves_the_rest_and_the_next_begins_with_it(told: World):
    rules = [rule(name) for name in ("a", "b", "c")]
    budget = iter([False, True])
    report = told.tick(*rules, stop=lambda: next(budget))
    assert ([result.rule for result in report.results], report.postponed) == (["a"], ("b", "c"))
    assert [result.rule for result in told.tick(*rules).results] == ["b", "c", "a"]


def test_a_rule_that_used_up_the_time_fails_and_comes_last_in_the_next_run(told: World):
    queries = [{"query": f"FIND Slow{number}"} for number in range(9)]
    (slow,) = load(json.dumps({"name": "slow", "description": "d", "queries": queries}), "p.json").rules
    budget = iter([False] * 4 + [True] * 9)
    report = told.tick(slow, rule("a"), stop=lambda: next(budget))
    (failed,) = report.failed
    assert failed.rule == "slow"
    assert failed.error == "no time was left for query4 and what follows it; split the rule"
    assert report.postponed == ("a",)
    told.tick(slow, rule("a"))
    assert [text for text, _ in told.asked][:2] == ["FIND A", "FIND Slow0"]


# ── rules that are evaluated no more ──────────────────────────────────────────────────────────────────


def test_the_alert_of_a_rule_that_is_gone_is_closed_and_told_so(told: World):
    a, b = rule("a"), rule("b")
    told.answers = {"FIND A": [1, 2], "FIND B": [3]}
    told.tick(a, b, known={"a", "b"})
    told.sent.clear()
    report = told.tick(b, known={"b"})
    assert report.retired == ("a",)
    (said,) = told.sent
    assert (said.rule, said.event, said.counted) == ("a", Event.RETIRED, 2)
    assert said.note == "No pack of this deployment holds the rule any more."
    assert not told.alert("a").state.active
    assert told.alert("b").state.active
    told.sent.clear()
    assert told.tick(b, known={"b"}).retired == ()
    told.tick(a, b, known={"a", "b"})
    assert told.heard() == ["a opened"]


def test_the_alert_of_a_disabled_rule_is_closed(told: World):
    a = rule("a")
    told.answers["FIND A"] = [1]
    told.tick(a)
    report = told.tick(replace(a, interval=Interval.DISABLED))
    assert report.retired == ("a",)
    assert told.heard() == ["a opened", "a retired"]
    assert told.asked == []


def test_nothing_is_gone_where_not_all_rules_are_known(told: World):
    told.answers["FIND A"] = [1]
    told.tick(rule("a"))
    assert told.tick(rule("b")).retired == ()
    assert told.tick(rule("b"), known={"a", "b"}).retired == ()
    assert told.alert("a").state.active


def test_what_the_first_summary_told_of_a_gone_rule_is_taken_back(world: World):
    world.down = True
    world.answers = {"FIND A": [1], "FIND B": [2]}
    world.tick(rule("a"), rule("b"), known={"a", "b"})
    world.down = False
    world.tick(rule("b"), known={"b"})
    world.tick(rule("b"), known={"b"})
    assert world.heard() == ["summary summary", "a retired"]


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────

FAILURES = [
    (lambda: QueryError("LIMITS", "too many paths", Position(1, 6)), "line 1, column 6: too many paths"),
    (lambda: StoreUnavailable("no answer"), "no answer"),
    (lambda: KeyError("x"), "KeyError: 'x'"),
]


@pytest.mark.parametrize(("error", "text"), FAILURES)
def test_one_failing_rule_does_not_stop_the_others_and_resolves_nothing(
    told: World, error: Callable[[], Exception], text: str
):
    a, b = rule("a"), rule("b")
    told.answers = {"FIND A": [1]}
    told.tick(a, b)
    told.heard()
    told.answers = {"FIND A": error, "FIND B": [1]}
    report = told.tick(a, b)
    assert told.heard() == ["b opened"]
    assert [(each.rule, each.error) for each in report.failed] == [("a", text)]
    kept = told.alert("a").state
    assert kept.active
    assert kept.failure is not None
    assert (kept.failure.error, kept.failure.since) == (text, told.now)
    told.answers = {"FIND A": [1]}
    report = told.tick(a, b, later=MINUTE)
    assert [result.rule for result in report.results] == ["a"]
    assert told.alert("a").state.failure is None
    assert told.heard() == []


def test_a_rule_may_ask_to_be_told_of_its_failure_once(told: World):
    a = rule("a", notify_on_failure=True)
    told.answers = {"FIND A": lambda: StoreUnavailable("no answer")}
    told.tick(a)
    told.tick(a)
    assert told.heard() == ["a failed"]
    told.answers = {}
    told.tick(a)
    told.answers = {"FIND A": lambda: StoreUnavailable("no answer")}
    told.tick(a)
    assert told.heard() == ["a failed"]


@pytest.mark.parametrize("alert", [True, False])
def test_a_rule_may_ask_to_be_told_once_that_its_actions_fail(told: World, alert: bool):
    """It counts as evaluated all the same; and what is told of it sends no effect of its own."""
    heard, due = [], []
    course: list[tuple[list[int], bool]] = [
        ([1], True),
        ([1], True),
        ([1], False),
        ([1], True),
        ([2, 1], False),
        ([], True),
    ]
    for rows, fails in course:
        a = sending(
            "alert " * alert + "send" + " fail" * fails,
            notify_on_failure=True,
            trigger_actions_on_new_entities_only=True,
        )
        told.answers = {"FIND A": rows}
        report = told.tick(a)
        heard.append((told.heard(), len(told.effects)))
        kept = told.alert("a").state
        failing = bool(rows) and fails
        assert (kept.failure, kept.action_failure is not None) == (None, failing)
        assert (bool(report.failed), bool(kept.history[-1].error)) == (failing, failing)
        if kept.action_failure is not None:
            assert "mapTemplate asks for `x`" in kept.action_failure.error
        due += [each.rule for each in told.tick(a, later=MINUTE).results]
    assert heard == [
        (["a opened", "a failed"] if alert else ["a failed"], 1),
        ([], 1),
        ([], 1),
        (["a failed"], 1),
        (["a new_rows"] if alert else [], 2),
        (["a resolved"] if alert else [], 2),
    ]
    assert due == []


def test_that_actions_fail_is_told_neither_unasked_nor_of_what_is_dismissed_nor_in_the_first_summary(
    world: World,
):
    world.answers = {"FIND A": [1]}
    a = sending("alert fail", notify_on_failure=True)
    world.tick(a)
    assert world.heard() == ["summary summary"]
    world.tick(replace(a, notify_on_failure=False))
    made = Dismissal(world.now, "known", "me", "1", world.now, WHOLE, until=world.now + QUARTER + 1)
    assert world.store.put(Stored(decision_id("a"), 1, dump_decisions(Decisions("a", (made,)))))
    world.tick(a)
    assert world.heard() == []
    world.tick(a)
    assert world.heard() == ["a opened", "a failed"]


def test_a_failure_of_actions_ends_with_its_rule(told: World):
    told.answers = {"FIND A": [1]}
    told.tick(sending("fail"))
    told.answers = {}
    assert told.alert("a").state.action_failure is not None
    assert told.tick(rule("b"), known={"b"}).retired == ("a",)
    assert told.alert("a").state.action_failure is None


def test_what_this_version_does_not_run_is_named_and_not_a_failure(told: World):
    text = """[{"name": "when", "description": "d", "queries": [{"query": "FIND A"}],
      "operations": [{"when": {"type": "OTHER"}, "actions": [{"type": "CREATE_ALERT"}]}]},
     {"name": "mail", "description": "d", "queries": [{"query": "FIND A"}],
      "operations": [{"actions": [{"type": "CREATE_ALERT"}, {"type": "SEND_EMAIL"}]}]},
     {"name": "query", "description": "d", "queries": [{"query": "FIND Later"}]}]"""
    told.answers = {"FIND A": [1], "FIND Later": lambda: QueryError("UNSUPPORTED", "later", Position(1, 6))}
    report = told.tick(*load(text, "p.json").rules)
    assert [(each.rule, each.outcome) for each in report.results] == [
        ("when", "unsupported"),
        ("mail", "evaluated"),
        ("query", "unsupported"),
    ]
    assert "OTHER" in report.results[0].error
    assert "SEND_EMAIL does not run" in report.results[1].notes[0]
    assert report.failed == ()
    assert told.heard() == ["mail opened"]


def test_an_alert_that_cannot_be_read_fails_its_rule_alone(told: World):
    told.store.put(Stored(alert_id("a"), 1, '{"version":99}'))
    told.answers = {"FIND A": [1], "FIND B": [1]}
    report = told.tick(rule("a"), rule("b"))
    assert [each.rule for each in report.failed] == ["a"]
    assert "reads version 2" in report.failed[0].error
    assert told.heard() == ["b opened"]


# ── groups, dismissals, effects ──────────────────────────────────────────────────────────────────────


def test_a_severe_alert_is_told_by_what_it_is_about(told: World):
    severe = rule("a", level="HIGH")
    heard = []
    for rows in ([1, 2], [1, 2, 3], [1, 3], [1, 3, *range(10, 20)]):
        told.answers["FIND A"] = rows
        told.tick(severe)
        heard.append(sorted((each.group, each.event.value, each.groups) for each in told.sent))
        told.sent.clear()
    assert heard == [
        [("1", "opened", 1), ("2", "opened", 1)],
        [("3", "opened", 1)],
        [("2", "resolved", 1)],
        [("", "opened", 10)],
    ]


def dismiss(world: World, name: str, group: int = WHOLE, until: int | None = None) -> None:
    state = world.alert(name).state
    known = [each.joined_on for each in state.kept if each.key == group] or [state.joined_on or 0]
    made = Dismissal(world.now, "known", "me", "1", known[0], group, until=until)
    body = dump_decisions(Decisions(name, (made,)))
    assert world.store.put(Stored(decision_id(name), 1, body))


def test_nothing_is_told_of_a_dismissed_group_until_rows_join_it(told: World):
    a = rule("a", level="HIGH")
    told.answers["FIND A"] = [1, 2]
    told.tick(a)
    told.sent.clear()
    one = next(each for each in told.alert("a").state.kept if each.label == "1")
    dismiss(told, "a", one.key)
    heard = []
    for rows in ([], [1]):
        told.answers["FIND A"] = rows
        told.tick(a)
        heard.append([(each.group, each.event.value) for each in told.sent])
        told.sent.clear()
    assert heard == [[("2", "resolved")], [("1", "opened")]]


@pytest.mark.parametrize(("hours", "heard"), [(None, []), (1, ["a resolved"])])
def test_a_dismissal_ends_by_itself_if_that_was_said(told: World, hours: int | None, heard: list[str]):
    a = rule("a")
    told.answers["FIND A"] = [1]
    told.tick(a)
    told.sent.clear()
    dismiss(told, "a", until=None if hours is None else told.now + hours * 60 * MINUTE)
    told.tick(a)
    told.answers["FIND A"] = []
    told.tick(a, later=2 * 60 * MINUTE)
    assert told.heard() == heard


def acting(when: str = "{{queries.query0.total > 0}}", *, alert: bool = True, **changes: Any) -> Rule:
    actions: list[Any] = [{"type": "SEND_SQS_MESSAGE", "queueUrl": "https://sqs.example/q", "data": "n"}]
    operations = [{"when": when, "actions": actions}]
    if alert:
        operations.append({"when": "{{queries.query0.total > 0}}", "actions": [{"type": "CREATE_ALERT"}]})
    text = {
        "name": "a",
        "description": "d",
        "queries": [{"query": "FIND A"}],
        "alertLevel": "LOW",
        "operations": operations,
        "pollingInterval": "FIFTEEN_MINUTES",
        **changes,
    }
    (made,) = load(json.dumps(text), "p.json").rules
    return made


def effects_of(world: World, made: Rule, courses: list[list[int]]) -> list[int]:
    found = []
    for rows in courses:
        world.answers["FIND A"] = rows
        world.tick(made)
        found.append(len(world.effects))
        world.effects.clear()
    return found


COURSE: list[list[int]] = [[1], [1], [1, 2], [1], [], [1]]


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        (acting(), [1, 0, 1, 0, 0, 1]),
        (acting(alert=False), [1, 0, 1, 0, 0, 1]),
        (acting(triggerActionsOnNewEntitiesOnly=True), [1, 0, 1, 0, 0, 1]),
        (acting(ignorePreviousResults=True), [1, 1, 1, 1, 0, 1]),
        (acting("{{queries.query0.total == 0}}"), [0, 0, 0, 0, 1, 0]),
    ],
)
def test_an_action_sends_when_there_is_something_to_tell(told: World, made: Rule, sent: list[int]):
    assert effects_of(told, made, COURSE) == sent


@pytest.mark.parametrize(("only_new", "first"), [(True, []), (False, ["h0", "h1"])])
def test_the_messages_about_items_are_those_of_new_rows_first(
    told: World, only_new: bool, first: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("secgraph.rules.acting.MAX_EFFECTS", 5)
    message = {"type": "SEND_SQS_MESSAGE", "queueUrl": "https://sqs/q", "data": "{{item.name}}"}
    each = {"type": "FOR_EACH_ITEM", "items": "{{queries.query0.data}}", "actions": [message]}
    operation = {"when": "{{queries.query0.total > 0}}", "actions": [{"type": "CREATE_ALERT"}, each]}
    made = acting(operations=[operation], triggerActionsOnNewEntitiesOnly=only_new)
    told.answers["FIND A"] = [f"h{number}" for number in range(8)]
    told.tick(made)
    assert len(told.effects) == 5
    told.effects.clear()
    told.answers["FIND A"].append("new")
    told.tick(made)
    assert [text.split()[1] for text in told.effects[:3]] == ["new", *first]


def test_an_action_sends_nothing_in_the_quiet_start_or_while_dismissed(world: World):
    assert effects_of(world, acting(), [[1]]) == [0]
    assert world.heard() == ["summary summary"]
    assert effects_of(world, acting(), [[1], [1, 2]]) == [0, 1]
    dismiss(world, "a")
    assert effects_of(world, acting(ignorePreviousResults=True), [[1, 2], [1], [1, 3]]) == [0, 0, 1]


def test_a_rule_that_only_sends_is_no_alert(told: World):
    assert effects_of(told, acting(alert=False), [[1]]) == [1]
    assert told.heard() == []
    state = told.alert("a").state
    assert (state.active, state.listed) == (True, False)


# ── on change ────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_starts_the_rules_that_ask_for_it_due_or_not(told: World):
    a, b = rule("a", evaluate_on_change=True, interval=Interval.ONE_DAY), rule("b")
    for _ in range(2):
        told.answers["FIND A"] = [told.now]
        report = told.tick(a, b, later=30_000, only_on_change=True, known={"b"})
        assert [each.rule for each in report.results] == ["a"]
        assert (report.not_due, report.retired) == (("b",), ())
    assert told.heard() == ["a opened", "a new_rows"]
    off = replace(a, interval=Interval.DISABLED)
    assert told.tick(off, b, only_on_change=True).results == ()


# ── an upgrade ───────────────────────────────────────────────────────────────────────────────────────


def test_the_messages_of_a_first_version_are_sent_once(told: World):
    """One was refused, one is being sent by a run that may be alive still: it is left to that run's claim."""
    body = (Path(__file__).parent.parent / "alerts" / "version_1" / "active.json").read_text("utf-8")
    told.store.put(Stored(alert_id("mining"), 1, body))
    told.now = START + QUARTER
    told.tick(later=MINUTE)
    assert [each.id for each in told.sent] == ["mining#1"]
    assert told.waiting() == ["mining#2#topic"]
    told.tick(later=QUARTER)
    told.tick(later=QUARTER)
    assert [each.id for each in told.sent] == ["mining#1", "mining#2"]
    assert (told.alert("mining").waiting, told.waiting()) == ((), [])


# ── what is asked and reported ────────────────────────────────────────────────────────────────────────


def test_queries_are_asked_as_written_and_a_tree_for_its_start_entities(told: World):
    text = """{"name": "r", "description": "d", "queries": [
      {"query": "find  Host"},
      {"query": "FIND Host THAT HAS Finding RETURN TREE", "includeDeleted": true}]}"""
    told.tick(*load(text, "p.json").rules)
    assert told.asked == [("find  Host", False), ("FIND Host THAT HAS Finding", True)]


def test_rows_of_several_queries_are_one_alert(told: World):
    text = """{"name": "r", "description": "d", "pollingInterval": "FIFTEEN_MINUTES",
      "queries": [{"query": "FIND A"}, {"query": "FIND B"}]}"""
    (both,) = load(text, "p.json").rules
    told.answers = {"FIND B": [1]}
    told.tick(both)
    told.answers = {"FIND A": [1], "FIND B": [1]}
    told.tick(both)
    assert told.heard() == ["r opened", "r new_rows"]
    assert told.alert("r").state.total == 2


def test_the_report_is_plain_json(told: World):
    told.answers = {"FIND A": [1]}
    report = told.tick(rule("a"), rule("b", interval=Interval.DISABLED)).as_json()
    assert report == {
        "rules": [
            {
                "rule": "a",
                "pack": "p.json",
                "outcome": "evaluated",
                "active": True,
                "level": "LOW",
                "total": 1,
                "new": 1,
                "groups": 1,
                "transition": "opened",
                "error": "",
                "notes": [],
            }
        ],
        "told": ["a#1#topic"],
        "notDue": ["b"],
        "postponed": [],
        "quiet": False,
        "faults": [],
        "retired": [],
    }


# ── who is watched, and in which order ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"interval": Interval.DISABLED}, {}),
        ({}, {"intervals": {"*": Interval.DISABLED}}),
        ({}, {"intervals": {"p.json": Interval.DISABLED}}),
        ({"operations": (Operation(AnyTotal(), (OtherAction("CREATE_JIRA_TICKET", "not run", {}),)),)}, {}),
    ],
)
def test_the_alert_of_a_rule_that_nobody_evaluates_is_closed(told: World, changes: Any, options: Any):
    told.answers["FIND A"] = [1]
    told.tick(rule("a"))
    told.tick(rule("a", **changes), **options)
    assert told.heard() == ["a opened", "a retired"]
    assert not told.alert("a").state.active


def test_an_open_alert_whose_query_is_not_supported_any_more_is_failing(told: World):
    told.answers["FIND A"] = [1]
    told.tick(rule("a"))
    told.answers["FIND A"] = lambda: QueryError("UNSUPPORTED", "not in this version", Position(1, 1, 1))
    report = told.tick(rule("a"))
    assert [(result.outcome, result.error) for result in report.results] == [
        ("failed", "line 1, column 1: not in this version")
    ]
    assert told.alert("a").state.failure is not None


def test_a_rule_on_change_is_evaluated_with_each_tick_whatever_its_pack_is_set_to(told: World):
    a = rule("a", evaluate_on_change=True)
    told.tick(a)
    daily = {"*": Interval.ONE_DAY}
    assert [result.rule for result in told.tick(a, rule("b"), intervals=daily).results] == ["b", "a"]
    assert [result.rule for result in told.tick(a, rule("b"), intervals=daily).results] == ["a"]


def test_a_rule_that_failed_once_waits_no_longer_than_others_that_fail(told: World):
    rules = [rule(name) for name in ("a", "b", "c")]
    told.tick(*rules)
    told.answers = {f"FIND {name}": lambda: StoreUnavailable("slow") for name in "ABC"}
    told.tick(*rules)
    told.answers.pop("FIND C")
    firsts = []
    for _ in range(3):
        asked = iter([False, True])
        firsts += [result.rule for result in told.tick(*rules, stop=asked.__next__).results]
    assert sorted(firsts) == ["a", "b", "c"]


def test_a_rule_that_kills_every_run_does_not_starve_the_others(told: World):
    rules = [rule("killer"), *(rule(name) for name in "abcd")]
    told.tick(*rules)
    told.answers = {"FIND Killer": KeyboardInterrupt, **{f"FIND {name}": [1] for name in "ABCD"}}
    for _ in range(40):
        with pytest.raises(KeyboardInterrupt):
            told.tick(*rules)
    told.deliver()
    assert sorted(told.heard()) == ["a opened", "b opened", "c opened", "d opened"]


def test_an_alert_that_hangs_on_items_is_not_resolved_by_their_failing(told: World):
    items = {
        "type": "FOR_EACH_ITEM",
        "items": "{{queries.query0.data}}",
        "actions": [{"type": "CREATE_ALERT"}],
    }
    operation = {"when": "{{queries.query0.total > 0}}", "actions": [items]}
    text = {"name": "a", "description": "d", "queries": [{"query": "FIND A"}], "operations": [operation]}
    (good,) = load(json.dumps([text]), "p.json").rules
    items["items"] = "{{[1] | mapTemplate('x' + '')}}"
    (bad,) = load(json.dumps([text | {"templates": {"y": "t"}}]), "p.json").rules
    told.answers["FIND A"] = [1]
    told.tick(replace(good, interval=Interval.FIFTEEN_MINUTES))
    report = told.tick(replace(bad, interval=Interval.FIFTEEN_MINUTES))
    assert [result.outcome for result in report.results] == ["failed"]
    assert told.heard() == ["a opened"]
    assert told.alert("a").state.active
