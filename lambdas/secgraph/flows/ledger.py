"""The alerts as one run sees them: read once, written on the condition that nobody was faster.

An alert and what is to be sent about it are written in one transaction (alerts/outbox.py); flows/notify.py
sends it. What people decided about an alert is read here and never written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from secgraph.alerts import quiet
from secgraph.alerts.decisions import (
    DECISION,
    Decisions,
    dismissed,
    in_force,
    load_decisions,
    standing,
)
from secgraph.alerts.groups import WHOLE
from secgraph.alerts.lifecycle import opened, opened_group
from secgraph.alerts.outbox import OUTBOX, records, stored
from secgraph.alerts.ports import BESIDE, AlertStore, Stored
from secgraph.alerts.quiet import Deployment
from secgraph.alerts.state import AlertState
from secgraph.alerts.stored import (
    ALERT,
    DEPLOYMENT,
    Alert,
    alert_id,
    dump_alert,
    dump_deployment,
    load_alert,
    load_deployment,
)
from secgraph.alerts.summary import ID as SUMMARY
from secgraph.alerts.summary import summarised
from secgraph.alerts.telling import SEPARATE, most, tell
from secgraph.alerts.transition import Transition
from secgraph.errors import StoreError
from secgraph.rules.effects import Effect
from secgraph.rules.rule import Rule

TOGETHER_BYTES: Final = 3_500_000
"""Of what is written beside an alert. A transaction of DynamoDB takes 4 MB, and the alert is in it.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
EFFECTS_APART: Final = 30
"""Effects of one evaluation for which there is an item each; for them, notifications are bundled."""


Settling = Callable[[int], bool]
"""Tells whether what a deployment that began at a moment finds at first is still being brought in."""


@dataclass(slots=True)
class Ledger:
    """`run` names this run and no other; `channels` are those of the deployment; `rules` are by name;
    `web_link` gives the address of the page about a rule's alert.

    `alerts` holds (rev, alert) by rule; `unreadable` says why an alert is left alone. `told` are the ids of
    what was put into the outbox; `faults` are what needs a person and concerns no rule's evaluation.
    """

    store: AlertStore
    channels: Sequence[str]
    now: int
    run: str
    rules: Mapping[str, Rule]
    web_link: Callable[[str], str] = lambda _: ""
    alerts: dict[str, tuple[int, Alert]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Decisions] = field(default_factory=dict)
    deployment: Deployment = field(default_factory=Deployment)
    deployment_rev: int = 0
    told: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Read everything. Raises StoreError if that fails; a single item that does is left alone."""
        held = self.store.read(DEPLOYMENT)
        if held is not None:
            self.deployment, self.deployment_rev = load_deployment(held.body), held.rev
        # Decisions first: one that is made meanwhile is about an alert that is read afterwards. What lies in
        # the outbox is left there: it can be far more than there is memory for.
        for item in self.store.read_all(DECISION).values():
            self._take_decisions(item)
        for id_, item in self.store.read_all(ALERT).items():
            self._take_alert(id_.removeprefix(ALERT), item)
        for rule, (_, alert) in list(self.alerts.items()):
            if alert.waiting:
                self._upgrade(rule, alert)

    def state(self, rule: str) -> AlertState | None:
        """Give the state of a rule's alert."""
        return self.alerts[rule][1].state if rule in self.alerts else None

    def decided(self, rule: str) -> frozenset[int]:
        """Give the keys of the groups of an alert that people have dismissed, now or earlier."""
        held = self.decisions.get(rule)
        return frozenset(each.group for each in standing(held)) if held else frozenset()

    def heard(self, after: AlertState, happened: Sequence[Transition]) -> tuple[Transition, ...]:
        """Leave out what people do not want to hear of. Rows that joined end a dismissal."""
        return tuple(each for each in happened if not self._dismissed(after, each.key, each.joined_on))

    def lapsed(self, before: AlertState | None, after: AlertState) -> tuple[Transition, ...]:
        """Tell anew of what is still open and was dismissed until a moment that has come since the evaluation
        `before`: of the alert as a whole, or of single groups."""
        decided = self.decisions.get(after.rule)
        if decided is None or before is None or before.evaluated_on is None or not after.active:
            return ()
        joined = {each.key: each.joined_on for each in after.kept} | {WHOLE: after.joined_on or 0}
        over = {
            each.group
            for each in standing(decided)
            if each.until is not None
            and before.evaluated_on < each.until <= self.now
            and in_force(replace(each, until=None), joined.get(each.group), self.now)
        }
        if WHOLE in over:
            return self.heard(after, (opened(after, self.now),))
        groups = [each for each in after.kept if each.key in over]
        return self.heard(after, tuple(opened_group(after, each, self.now) for each in groups))

    def is_dismissed(self, state: AlertState) -> bool:
        """Tell whether an alert as a whole is dismissed."""
        return self._dismissed(state, WHOLE, state.joined_on)

    def write(
        self,
        state: AlertState,
        heard: Sequence[Transition] = (),
        effects: Sequence[Effect] = (),
    ) -> bool:
        """Write a state with what is to be sent about it. False if another run was faster."""
        rule = state.rule
        told = [each for each in heard if each.listed]
        separate = self._separate(told, len(effects))
        state, made, left_out = self._made(state, told, effects, separate)
        if separate > 1 and sum(len(each.body.encode()) for each in made) > TOGETHER_BYTES:
            state, made, left_out = self._made(state, told, effects, 1)
        rev, _ = self.alerts.get(rule, (0, None))
        item = Stored(alert_id(rule), rev + 1, dump_alert(Alert(state)))
        if not self.store.put(item, made):
            self._look_again(rule)
            return False
        self.alerts[rule] = (item.rev, Alert(state))
        self.told += [each.id.removeprefix(OUTBOX) for each in made]
        if left_out:
            self.faults.append(f"{rule}: {left_out} messages of its actions are too large to be sent")
        return True

    def waits(self, settling: Settling) -> bool:
        """Tell whether the quiet start is held up, and keep when it began: that is not for ever."""
        if not self.deployment.quiet:
            return False
        began_on = self.deployment.began_on
        if not settling(self.now if began_on is None else began_on):
            return False
        if began_on is None:
            self._begin()
        return True

    def summarise(self, *, settled: bool = False) -> None:
        """End the quiet start with one summary, once something is open; if all has `settled`, at once: what
        opens afterwards is news, to be told and acted on by itself."""
        if not self.deployment.quiet or self.now < self.deployment.busy_until:
            return
        states = [alert.state for _, alert in self.alerts.values()]
        open_ = [state for state in states if state.active]
        if not (open_ or settled or self.deployment.tried):
            return
        try:
            self._summarise(open_, sum(state.failure is not None for state in states))
        except StoreError as error:
            self.faults.append(str(error))

    def _begin(self) -> None:
        """Keep when the quiet start began: it may be held up for so long and no longer."""
        begun = replace(self.deployment, began_on=self.now)
        try:
            self._keep(begun)
        except StoreError as error:
            self.faults.append(str(error))

    def _keep(self, deployment: Deployment, beside: Sequence[Stored] = ()) -> bool:
        """Write how the deployment stands, and look at it again. False if another run was faster."""
        item = Stored(DEPLOYMENT, self.deployment_rev + 1, dump_deployment(deployment))
        is_written = self.store.put(item, beside)
        held = self.store.read(DEPLOYMENT)
        if held is not None:
            self.deployment, self.deployment_rev = load_deployment(held.body), held.rev
        return is_written

    def _summarise(self, open_: Sequence[AlertState], failing: int) -> None:
        shown = [each for each in open_ if each.listed and not self.is_dismissed(each)]
        told = [summarised(shown, failing, self.now, self.rules)] if shown or self.deployment.tried else []
        made, _ = records(told, self.channels, (), of=SUMMARY, now=self.now)
        covered = MappingProxyType(quiet.covering(open_))
        told_of = Deployment(self.now, covered, began_on=self.deployment.began_on)
        if self._keep(told_of, [stored(each) for each in made]):
            self.told += [each.id for each in made]

    def _made(
        self, state: AlertState, told: Sequence[Transition], effects: Sequence[Effect], separate: int
    ) -> tuple[AlertState, list[Stored], int]:
        """Make the items of what is to be sent, at most `separate` groups told each for itself. Give also the
        state, which counts them, and the number of effects for which there was no room."""
        link = self.web_link(state.rule)
        state, notifications = tell(state, told, self.rules.get(state.rule), separate=separate)
        notifications = tuple(replace(each, link=link) for each in notifications)
        if effects and not notifications:
            state = replace(state, seq=state.seq + 1)
        of = f"{state.rule}#{state.seq}"
        made, left_out = records(notifications, self.channels, effects, of=of, now=self.now)
        return state, [stored(each) for each in made], left_out

    def _separate(self, told: Sequence[Transition], effects: int) -> int:
        """Say how many groups are told each for itself, so that one transaction holds it all."""
        wanted = most(told) * len(self.channels) + min(effects, EFFECTS_APART)
        return SEPARATE if wanted <= BESIDE else 1

    def _dismissed(self, state: AlertState, key: int, joined_on: int | None) -> bool:
        held = self.decisions.get(state.rule)
        found = dismissed(held, key, joined_on, self.now, alert_joined_on=state.joined_on)
        return found is not None

    def _take_alert(self, rule: str, item: Stored) -> None:
        try:
            self.alerts[rule] = (item.rev, load_alert(item.body))
        except StoreError as error:
            self.unreadable[rule] = str(error)

    def _take_decisions(self, item: Stored) -> None:
        try:
            held = load_decisions(item.body)
            self.decisions[held.rule] = held
        except StoreError as error:
            self.faults.append(f"{item.id}: {error}")

    def _upgrade(self, rule: str, alert: Alert) -> None:
        """Write an alert of version 1 in this version, and its messages beside it."""
        rev, _ = self.alerts[rule]
        try:
            waiting = [stored(each) for each in alert.waiting]
            if self.store.put(Stored(alert_id(rule), rev + 1, dump_alert(alert)), waiting):
                self.alerts[rule] = (rev + 1, Alert(alert.state))
            else:
                self._look_again(rule)
        except StoreError as error:
            self.alerts.pop(rule, None)
            self.unreadable[rule] = str(error)

    def _look_again(self, rule: str) -> None:
        item = self.store.read(alert_id(rule))
        self.alerts.pop(rule, None)
        if item is not None:
            self._take_alert(rule, item)
