"""When the effects of a rule go out: with what is told of its alert, and not for an unchanged result.

Also when the action itself begins to ask for one while the alert stays as it is: an "all is well" that is
sent when nothing is found any more has no row of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from secgraph.alerts.notification import Event
from secgraph.alerts.state import AlertState
from secgraph.alerts.transition import Transition
from secgraph.rules.effects import Effect
from secgraph.rules.rule import Rule

ACTIONS_KEPT: Final = 100
ACTION_CHARACTERS: Final = 120
WITH_ROWS: Final = (Event.OPENED, Event.NEW_ROWS)
ACTED_ON: Final = (*WITH_ROWS, Event.LEVEL_RAISED)


def due_effects(
    rule: Rule,
    before: AlertState | None,
    after: AlertState,
    heard: Sequence[Transition],
    effects: Sequence[Effect],
) -> Sequence[Effect]:
    """Give the effects that go out. `heard` is what is told; `after` has been through `acted`."""
    if rule.ignore_previous_results:
        return effects
    events = {each.event for each in heard}
    if rule.trigger_actions_on_new_entities_only:
        joined = bool(events.intersection(WITH_ROWS)) or (bool(events) and after.new_count > 0)
        return effects if joined else ()
    if events.intersection(ACTED_ON):
        return effects
    if before is None or before.acted_of != after.acted_of:
        return ()  # The rule was another one: its actions cannot be compared.
    return [each for each in effects if _action(each) not in before.acted]


def acted(state: AlertState, rule: Rule, effects: Sequence[Effect]) -> AlertState:
    """Note which actions asked for effects."""
    actions = tuple(dict.fromkeys(_action(each) for each in effects))[:ACTIONS_KEPT]
    of = hashlib.blake2b(repr(rule.operations).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return replace(state, acted=actions, acted_of=of)


def _action(effect: Effect) -> str:
    """Give the place of the action that asks for an effect, without the item of a FOR_EACH_ITEM."""
    return re.sub(r", item \d+", "", effect.place)[:ACTION_CHARACTERS]
