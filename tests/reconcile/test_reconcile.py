"""What a reconcile does, case by case: repairs, closes, leaves alone, waits, goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.flows.reconcile import Request
from secgraph.sources.observed import ABSENT
from secgraph.sources.scope import GUARDDUTY, INSPECTOR
from secgraph.sources.standing import Failure, Phase, State
from secgraph.sources.turns import is_due
from tests.converge import events
from tests.converge.delivery import Killed
from tests.reconcile.reconcile_world import DAY, MINUTE, World, dies, no_answer
from tests.reconcile.source_model import BANK, HUB, SHOP, place, scope

ATTACKS, WEAKNESSES = scope(GUARDDUTY, SHOP), scope(INSPECTOR, SHOP)
ONLY_ATTACKS = Request(GUARDDUTY, SHOP)


def attack_arn(number: int, account: str = SHOP) -> str:
    return events.attack_arn(place(account), f"a{number}")


@pytest.fixture
def world() -> World:
    return World()


def test_a_first_tick_finds_what_existed_before(world):
    world.aws.page_size = 50
    for number in range(250):
        world.aws.attack(SHOP, number)
        world.now += 1
    report = world.tick()
    assert report.finished
    assert len(world.open_arns()) == 250
    (found,) = [each for each in report.as_json()["scopes"] if each["account"] == SHOP and each["listed"]]
    assert found == {
        "source": GUARDDUTY,
        "account": SHOP,
        "region": "eu-west-1",
        "state": "on",
        "did": "finished",
        "listed": 250,
        "repaired": 250,
        "closed": 0,
        "quarantined": 0,
    }
    assert sum("page" in call and GUARDDUTY in call for call in world.aws.calls) == 5 + 2
    done = world.standings[ATTACKS].finished
    assert (done.at_source, done.held, done.began_on <= done.finished_on) == (250, 250, True)
    shown = world.ledger_shows(ATTACKS)
    assert (shown["state"], shown["countAtSource"], shown["countHeld"]) == ("on", 250, 250)
    assert world.parts == {}
    assert any("guardduty/222222222222/eu-west-1: complete, 250 at the source" in line for line in world.told)


def test_what_is_as_it_was_is_neither_written_nor_repaired(world):
    world.deliver(world.aws.attack(SHOP, 1))
    world.tick()
    written = world.memory.puts
    world.now += DAY
    assert world.tick(ONLY_ATTACKS).scopes[0].as_json()["repaired"] == 0
    # Only how the scopes stand: what was discovered is as it was, and one run is finished.
    assert world.memory.puts == written + 1


def test_what_the_source_lists_no_more_is_closed_once_it_was_asked_for_again(world):
    for number in (1, 2):
        world.deliver(world.aws.attack(SHOP, number))
    world.deliver(world.aws.scan(SHOP, 1))
    world.tick()
    world.now += DAY
    world.aws.expire(GUARDDUTY, SHOP, 1)
    report = world.tick(ONLY_ATTACKS)
    assert (report.scopes[0].as_json()["closed"], report.scopes[0].as_json()["repaired"]) == (1, 1)
    gone = world.shown(attack_arn(1))
    assert (gone["open"], gone["closedReason"]) == (False, ABSENT)
    assert world.shown(attack_arn(2))["open"] is True
    assert world.shown(place(SHOP).arn("inspector2", "finding/w1"))["open"] is True


def test_what_a_torn_listing_leaves_out_stays_open(world):
    for number in range(5):
        world.deliver(world.aws.attack(SHOP, number))
    world.now += DAY
    world.aws.torn.add(ATTACKS)
    report = world.tick(ONLY_ATTACKS)
    assert report.scopes[0].as_json()["closed"] == 0
    assert len(world.open_arns()) == 5
    assert world.standings[ATTACKS].finished.at_source == 5


def test_archived_and_unarchived_findings_keep_their_clock_and_are_still_believed(world):
    world.deliver(world.aws.attack(SHOP, 1))
    world.aws.archive(SHOP, 1, archived=True)
    world.now += DAY
    world.tick()
    assert world.shown(attack_arn(1))["open"] is False
    world.aws.archive(SHOP, 1, archived=False)
    world.now += DAY
    report = world.tick(ONLY_ATTACKS)
    assert world.shown(attack_arn(1))["open"] is True
    assert report.scopes[0].as_json()["repaired"] == 1
    world.aws.archive(SHOP, 1, archived=True)
    world.now += DAY
    assert world.tick(ONLY_ATTACKS).scopes[0].as_json()["closed"] == 1
    assert world.shown(attack_arn(1))["open"] is False


def test_what_is_asked_for_again_is_believed_over_what_was_heard_of_it_before(world):
    """That it was taken out of the archive was heard of, that it was archived once more was not."""
    world.deliver(world.aws.attack(SHOP, 1))
    for archived in (True, False):
        world.now += 2_000
        world.deliver(world.aws.archive(SHOP, 1, archived=archived))
    assert world.open_arns() == {attack_arn(1)}
    world.aws.archive(SHOP, 1, archived=True)
    world.now += DAY
    assert world.tick(ONLY_ATTACKS).scopes[0].as_json()["closed"] == 1
    assert world.shown(attack_arn(1)).get("closedReason") is None
    assert world.open_arns() == set()


def test_a_finding_that_came_in_the_middle_of_the_run_stays_open(world):
    """Its source deletes it at once, so that asking again says it is absent: still the run does not know."""
    world.deliver(world.aws.attack(SHOP, 1))
    world.tick()
    world.now += DAY
    world.aws.expire(GUARDDUTY, SHOP, 1)

    def comes(_: str) -> None:
        world.deliver(world.aws.attack(SHOP, 2))
        world.aws.expire(GUARDDUTY, SHOP, 2)

    world.at(40, comes)
    world.tick(ONLY_ATTACKS)
    assert world.open_arns() == {attack_arn(2)}
    world.between = lambda _: None
    world.now += DAY
    world.tick(ONLY_ATTACKS)
    assert world.open_arns() == set()


def test_a_finding_that_cannot_be_understood_is_counted_and_kept(world):
    world.deliver(world.aws.attack(SHOP, 1))
    world.aws.attack(SHOP, 2, severity=11)
    report = world.tick(ONLY_ATTACKS)
    assert report.scopes[0].as_json()["quarantined"] == 1
    assert len(world.memory.quarantined.records) == 1
    done = world.standings[ATTACKS].finished
    assert (done.at_source, done.held, done.quarantined) == (2, 1, 1)


# ── switched off, out of reach ────────────────────────────────────────────────────────────────────────


def test_switching_off_closes_and_is_a_state(world):
    world.deliver(world.aws.attack(BANK, 1))
    world.tick()
    world.aws.switch(GUARDDUTY, BANK, on=False)
    world.now += 61 * MINUTE
    report = world.tick()
    assert [(each.standing.scope.account, each.did) for each in report.scopes] == [(BANK, "finished")]
    assert world.open_arns() == set()
    shown = world.ledger_shows(scope(GUARDDUTY, BANK))
    assert (shown["state"], shown["countAtSource"], shown["closed"]) == ("off", 0, 1)
    assert "not enabled" in shown["reason"]


def test_who_refuses_is_unreachable_and_nothing_is_closed_there(world):
    world.deliver(world.aws.attack(BANK, 1))
    world.tick()
    before = world.standings[scope(GUARDDUTY, BANK)].finished
    world.aws.refusing.add(BANK)
    world.aws.expire(GUARDDUTY, BANK, 1)
    world.now += 2 * DAY
    report = world.tick(Request(account=BANK))
    assert {each.as_json()["did"] for each in report.scopes} == {"failed"}
    standing = world.standings[scope(GUARDDUTY, BANK)]
    assert (standing.state, standing.reason, standing.finished) == (
        State.UNREACHABLE,
        f"{BANK} refused the call",
        before,
    )
    assert world.open_arns() == {attack_arn(1, BANK)}
    shown = world.ledger_shows(scope(GUARDDUTY, BANK))
    assert (shown["state"], shown["completeAsOf"]) == ("unreachable", before.began_on)
    world.aws.refusing.clear()
    world.until_done()
    assert world.open_arns() == set()


def test_members_are_read_by_their_administrator_until_nobody_covers_them(world):
    world.deliver(world.aws.attack(SHOP, 1))
    world.tick()
    assert world.standings[ATTACKS].reader.account == HUB
    world.aws.members.clear()
    world.aws.expire(GUARDDUTY, SHOP, 1)
    world.now += 2 * DAY
    world.tick()
    standing = world.standings[ATTACKS]
    assert standing.state is State.UNREACHABLE
    assert "no reader covers it" in standing.reason
    assert world.open_arns() == {attack_arn(1)}


def test_an_account_is_read_by_its_own_reader_and_by_its_administrator_where_that_is_refused(world):
    world.aws.members.add(BANK)
    world.tick()
    where = scope(GUARDDUTY, BANK)
    assert world.standings[where].reader.account == BANK
    world.aws.refusing.add(BANK)
    world.now += 61 * MINUTE
    world.tick()
    assert (world.standings[where].reader.account, world.standings[where].state) == (HUB, State.ON)


def test_a_region_that_is_read_no_more_is_unreachable(world):
    world.tick()
    world.plan = replace(world.plan, regions=())
    told = len(world.archived)
    world.tick()
    assert {each.state for each in world.standings.values()} == {State.UNREACHABLE}
    assert len(world.archived) == told + len(world.standings)
    world.tick()
    assert len(world.archived) == told + len(world.standings)


# ── turns, leases, failures ───────────────────────────────────────────────────────────────────────────


def test_nothing_is_asked_before_it_is_due(world):
    world.tick()
    world.now += 30 * MINUTE
    asked = len(world.aws.calls)
    assert world.tick().as_json() == {"scopes": [], "waiting": 0, "finished": True}
    assert len(world.aws.calls) == asked
    world.now += DAY
    assert len(world.tick().scopes) == 6


def test_a_request_is_worked_on_at_once_and_only_that(world):
    world.tick()
    world.now += 30 * MINUTE
    report = world.tick(Request(account=SHOP))
    assert [(each.standing.scope, each.did) for each in report.scopes] == [
        (ATTACKS, "finished"),
        (WEAKNESSES, "finished"),
    ]
    asked_on = report.as_json()["askedOn"]
    runs = world.tokens
    again = world.tick(Request(account=SHOP, asked_on=asked_on))
    assert [each.did for each in again.scopes] == ["finished", "finished"]
    assert world.tokens == runs


def test_a_request_that_time_ran_out_for_is_not_forgotten(world):
    world.tick()
    world.now += 30 * MINUTE
    report = world.tick(Request(account=SHOP), stop=lambda: True)
    assert (report.scopes, report.waiting, report.finished) == ((), 2, False)
    assert [each.standing.scope for each in world.tick().scopes] == [ATTACKS, WEAKNESSES]


def test_a_run_that_is_out_of_time_goes_on_where_it_was(world):
    for number in range(10):
        world.aws.attack(SHOP, number)
        world.now += 1
    left = [4]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    world.tick(Request(account="none"))
    report = world.tick(ONLY_ATTACKS, stop=stop)
    assert (report.scopes[0].did, report.waiting) == ("advanced", 1)
    standing = world.standings[ATTACKS]
    assert (standing.busy_until, standing.run.phase, standing.run.at_source) == (0, Phase.LISTING, 6)
    assert world.tick(replace(ONLY_ATTACKS, asked_on=report.asked_on)).finished
    pages = [call for call in world.aws.calls if call.startswith(f"{GUARDDUTY} {HUB} page")]
    assert len(pages) == len(set(pages)) == 4


def test_a_runner_that_died_keeps_others_away_for_a_quarter_of_an_hour(world):
    world.tick(Request(account="none"))
    world.at(12, dies)
    with pytest.raises(Killed):
        world.tick(ONLY_ATTACKS)
    world.between = lambda _: None
    assert world.tick(ONLY_ATTACKS).scopes[0].as_json()["reason"] == "another runner is at work on it"
    world.now += 16 * MINUTE
    assert world.tick(ONLY_ATTACKS).finished


def test_who_lost_a_scope_to_another_runner_touches_nothing_more(world):
    """It was held up for longer than its lease; what it asked for is neither kept nor ended by it."""
    for number in range(7):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))
    asked = []

    def held_up(_: str) -> None:
        world.between = lambda _: None
        world.now += 17 * MINUTE
        world.tick(ONLY_ATTACKS)
        asked.append((len(world.aws.calls), world.standings[ATTACKS]))

    world.at(30, held_up)
    report = world.tick(ONLY_ATTACKS)
    assert [each.did for each in report.scopes] == ["busy"]
    (calls, standing) = asked[0]
    assert standing.finished.at_source == 7
    assert (len(world.aws.calls), world.standings[ATTACKS]) == (calls, standing)


def test_what_changes_while_it_is_listed_is_counted_once(world):
    for number in range(7):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))
    pages = [0]

    def moves() -> None:
        world.passes("source")
        pages[0] += 1
        if pages[0] == 5:  # after two readers told what they see of one source, and two pages
            world.aws.attack(SHOP, 6)
            world.aws.attack(SHOP, 5)

    world.aws.gate = moves
    world.tick(ONLY_ATTACKS)
    done = world.standings[ATTACKS].finished
    assert (done.at_source, done.held) == (7, 7)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 15), (2, 30), (3, 60), (4, 120), (7, 960), (8, 1440), (2000, 1440)]
)
def test_failures_are_waited_for_longer_each_time(world, attempts, minutes):
    world.tick()
    standing = world.standings[ATTACKS]
    failing = replace(standing, finished=None, failure=Failure("throttled", attempts, world.now))
    assert not is_due(failing, world.now + minutes * MINUTE - 1, DAY)
    assert is_due(failing, world.now + minutes * MINUTE, DAY)
    assert is_due(replace(failing, requested_on=world.now + 1), world.now + 2, DAY)


def test_a_request_while_a_run_is_at_work_is_answered_by_another_one(world):
    """What the first one listed before the request may have changed since."""
    for number in range(5):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))
    left = [3]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    assert world.tick(ONLY_ATTACKS, stop=stop).waiting == 1
    world.aws.expire(GUARDDUTY, SHOP, 0)
    world.now += 10 * MINUTE
    asked_on = world.now
    assert world.tick(ONLY_ATTACKS).finished
    assert world.standings[ATTACKS].finished.began_on >= asked_on
    assert attack_arn(0) not in world.open_arns()


def test_a_throttled_run_keeps_its_cursor_and_pauses(world):
    for number in range(7):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))
    calls = [0]

    def throttles() -> None:
        world.passes("source")
        calls[0] += 1
        if calls[0] > 3:  # what is covered, twice, and the first page
            no_answer("source")

    world.aws.gate = throttles
    report = world.tick(Request(GUARDDUTY, SHOP))
    standing = world.standings[ATTACKS]
    assert report.scopes[0].as_json()["reason"] == "throttled"
    assert (standing.run.at_source, standing.run.cursor != "", standing.failure.attempts) == (3, True, 1)
    assert world.ledger_shows(ATTACKS)["failure"] == "throttled"
    world.aws.gate = lambda: world.passes("source")
    world.now += 10 * MINUTE
    assert ATTACKS not in [each.standing.scope for each in world.tick().scopes]
    world.now += 5 * MINUTE
    assert ATTACKS in [each.standing.scope for each in world.tick().scopes]
    assert world.standings[ATTACKS].failure is None
    assert "failure" not in world.ledger_shows(ATTACKS)
    assert len(world.open_arns()) == 7


def test_a_listing_that_its_source_forgets_begins_anew_and_gives_up_in_the_end(world):
    for number in range(7):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))

    def forgets() -> None:
        world.passes("source")
        world.aws.forget_tokens()

    world.aws.gate = forgets
    report = world.tick(ONLY_ATTACKS)
    assert report.scopes[0].as_json()["reason"] == "the token has expired"
    pages = [call for call in world.aws.calls if call.endswith("page ")]
    assert len(pages) == 4
    assert (world.standings[ATTACKS].run, world.parts) == (None, {})
    world.aws.gate = lambda: world.passes("source")
    world.now += 16 * MINUTE
    world.tick()
    assert world.standings[ATTACKS].finished.at_source == 7


def test_a_run_older_than_a_day_begins_anew(world):
    for number in range(7):
        world.aws.attack(SHOP, number)
        world.now += 1
    world.tick(Request(account="none"))
    left = [3]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    world.tick(ONLY_ATTACKS, stop=stop)
    old = world.standings[ATTACKS].run
    assert list(world.parts) == [old.id]
    world.now += DAY
    world.tick(ONLY_ATTACKS)
    assert world.standings[ATTACKS].finished.began_on >= old.began_on + DAY
    assert world.parts == {}
