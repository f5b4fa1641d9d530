"""Who is told what on a deployed stack: from an event on the bus to the message that leaves the topic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.deployment import Deployment, Mailbox
from tests.e2e.variants import Event, about, later

pytestmark = pytest.mark.e2e

Sample = Callable[[str], Event]
LATER: str = "e2e-later-instance"


@pytest.fixture
def mailbox(deployment: Deployment, sample: Sample) -> Mailbox:
    """A mailbox of a deployment that has spoken: it begins anew, and its first summary is taken out."""
    deployment.sent()
    deployment.forget_alerts()
    mailbox = deployment.listen()
    deployment.put(about("i-0e2e000000000000a", sample("02")))
    deployment.settle()
    deployment.evaluate_at_first()
    summary = mailbox.wait_for("e2e-findings-meet")
    assert summary["MessageAttributes"]["transition"]["Value"] == "summary"
    deployment.sent()
    assert mailbox.read() == [], "a new deployment sends one message, however much it finds"
    return mailbox


def test_an_event_is_told_once_and_its_end_too(
    deployment: Deployment, mailbox: Mailbox, sample: Sample
) -> None:
    inspector = about("i-0e2e000000000000b", sample("02"))

    def told(*events: Event) -> list[str]:
        for event in events:
            deployment.put(event)
            deployment.settle()
        deployment.evaluate()
        deployment.sent()
        return mailbox.told(LATER)

    assert told(inspector) == ["opened"]
    assert told(inspector) == []
    assert told(later(inspector, title="another title")) == []
    assert told(later(inspector, status="CLOSED")) == ["resolved"]
    assert told(inspector) == [], "an older state that comes late changes nothing"


def test_a_rule_on_change_is_told_without_the_schedule(
    deployment: Deployment, mailbox: Mailbox, sample: Sample
) -> None:
    deployment.put(about("i-0e2e000000000000d", sample("02")))
    opened = mailbox.wait_for("e2e-at-once")
    assert opened["MessageAttributes"]["transition"]["Value"] == "opened"
    assert opened["MessageAttributes"]["severity"]["Value"] == "CRITICAL"
    assert opened["Subject"].isascii()
    assert len(opened["Subject"]) < 100
    deployment.settle()
    deployment.sent()
    assert mailbox.told("e2e-at-once") == []


def test_a_rule_tags_what_it_found_and_who_may_triage_dismisses(
    deployment: Deployment, mailbox: Mailbox, sample: Sample
) -> None:
    inspector = about("i-0e2e000000000000e", sample("02"))
    deployment.put(inspector)
    deployment.settle()
    deployment.evaluate()
    assert mailbox.wait_for("e2e-dismissed")
    deployment.settle()
    assert len(deployment.ask("Find aws_instance with tag.Seen = 'by us'")) == 1
    decision = {"action": "dismiss", "rule": "e2e-dismissed", "reason": "accepted", "author": "team-shop"}
    answer = deployment.invoke("TriageFunction", decision)
    assert "error" not in answer, answer
    listed = deployment.invoke("TriageFunction", {"action": "list"})["alerts"]
    assert "e2e-dismissed" in [each["rule"] for each in listed]
    deployment.put(later(inspector, status="CLOSED"))
    deployment.settle()
    deployment.evaluate()
    deployment.sent()
    assert mailbox.told("e2e-dismissed") == []


def test_a_rule_reads_the_parameters_of_the_deployment(
    deployment: Deployment, mailbox: Mailbox, sample: Sample
) -> None:
    deployment.put(about("i-0e2e000000000000f", sample("02")))
    deployment.settle()
    deployment.evaluate()
    assert mailbox.wait_for("e2e-by-parameter")
