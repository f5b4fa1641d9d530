"""TAG: what rules say of entities (TAG_ENTITIES) → a block of each rule in the graph.

    Tagging… by rule ─read→ those that say something new ─rounds.store→ graph

A rule's block is what it said last, whole: what it says again changes nothing and is not written. It lies
beneath what sources say, so a resource's own tag wins, and over the settings of its account. It is no sight
of the thing, and makes none that is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from secgraph.errors import StoreError, StoreUnavailable
from secgraph.flows import rounds
from secgraph.flows.evaluated import EVALUATED, EvaluationReport
from secgraph.flows.rounds import WarmCache
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import GraphChange, Item, Observation, Properties, Value
from secgraph.graph.ports import GraphWriter
from secgraph.graph.settled import RULES
from secgraph.rules.effects import Tagging

ENTITIES: Final = 10_000
"""Entities that one rule tags in one run; as many as rows of a query that it looks at."""
AT_ONCE: Final = 1_000
TAGS: Final = 50
NAME_CHARACTERS: Final = 128
VALUE_CHARACTERS: Final = 256
"""As AWS bounds the tags of a resource."""

Tags = Mapping[str, Value]


@dataclass(slots=True)
class Tagged:
    """What became of a rule's taggings: how many entities were `written`, how many are not in the graph
    (`absent`), and what was left undone, in words."""

    written: int = 0
    absent: int = 0
    problems: list[str] = field(default_factory=list)


def block_of(rule: str) -> str:
    """Name the block of a rule. By a digest, since a rule may be called anything, and a block may not."""
    return f"{RULES}/{hashlib.sha256(rule.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def tag_found(report: EvaluationReport, *, writer: GraphWriter, now: int) -> Mapping[str, Tagged]:
    """Write the tags of the rules whose evaluation stands: no other run has overtaken them."""
    stands = {result.rule for result in report.results if result.outcome == EVALUATED}
    taggings = {rule: asked for rule, asked in report.taggings.items() if rule in stands}
    return tag(taggings, writer=writer, now=now)


def tag(taggings: Mapping[str, Sequence[Tagging]], *, writer: GraphWriter, now: int) -> Mapping[str, Tagged]:
    """Write the taggings of rules, by their names. A failure of one, or of the store, is told with it."""
    return {rule: _tag(rule, asked, writer, now) for rule, asked in taggings.items()}


def _tag(rule: str, asked: Sequence[Tagging], writer: GraphWriter, now: int) -> Tagged:
    told = Tagged()
    wanted = _by_entity(asked, _names(asked, told), told)
    ids = sorted(wanted)
    try:
        for start in range(0, len(ids), AT_ONCE):
            part = {id_: wanted[id_] for id_ in ids[start : start + AT_ONCE]}
            _write(block_of(rule), part, writer, now, told)
    except StoreError as error:  # what hangs for some entities hangs for the next ones too
        told.problems.append(f"not all entities were tagged: {error}")
    return told


def _names(asked: Sequence[Tagging], told: Tagged) -> frozenset[str]:
    """Give the names of tags that a rule may set."""
    names = sorted({name for tagging in asked for name in tagging.tags})
    fitting = [name for name in names if 1 <= len(name) <= NAME_CHARACTERS][:TAGS]
    if left := sorted(set(names) - set(fitting)):
        told.problems.append(
            f"{len(left)} tags are not set, {left[0][:NAME_CHARACTERS]!r} among them: a rule sets at most "
            f"{TAGS}, with names of 1 to {NAME_CHARACTERS} characters"
        )
    return frozenset(fitting)


def _by_entity(asked: Sequence[Tagging], names: frozenset[str], told: Tagged) -> dict[str, dict[str, Value]]:
    """Gather the tags of each entity; of two that a rule gives one name, the later counts."""
    wanted: dict[str, dict[str, Value]] = {}
    refused: set[str] = set()
    left_out: set[str] = set()
    for tagging in asked:
        fitting = {name: value for name, value in tagging.tags.items() if name in names and _fits(value)}
        refused |= (tagging.tags.keys() & names) - fitting.keys()
        for id_ in tagging.entities if fitting else ():
            if id_ in wanted or len(wanted) < ENTITIES:
                wanted.setdefault(id_, {}).update(fitting)
            else:
                left_out.add(id_)
    if refused:
        told.problems.append(
            f"the tag {min(refused)!r} is not set: its text has more than {VALUE_CHARACTERS} characters"
        )
    if left_out:
        told.problems.append(f"{len(left_out)} entities were not tagged: a rule tags at most {ENTITIES:,}")
    return wanted


def _fits(value: Value) -> bool:
    return not isinstance(value, str) or len(value) <= VALUE_CHARACTERS


def _write(block: str, wanted: Mapping[str, Tags], writer: GraphWriter, now: int, told: Tagged) -> None:
    """Write what is new of some entities. Raises StoreError if the store fails."""
    held = writer.read(wanted.keys())
    shown = [item for item in held.values() if item.thing.type != LOCATOR]
    told.absent += len(wanted) - len(shown)
    said = [(item, Observation(block, now, _facts(wanted[item.thing.id]))) for item in shown]
    new = [GraphChange(item.thing, told_now, now) for item, told_now in said if not _holds(item, told_now)]
    events = {number: (change,) for number, change in enumerate(new)}
    done = rounds.store(events, writer=writer, now=now, settings=None, cache=WarmCache())
    told.written += len(events) - len(done.refused) - len(done.unfinished)
    told.problems += list(done.refused.values())[:1]
    if done.unfinished:
        raise StoreUnavailable(done.failure or "other writers kept changing them")


def _facts(tags: Tags) -> Properties:
    return {f"tag.{name}": tags[name] for name in sorted(tags)}


def _holds(item: Item, observation: Observation) -> bool:
    """Tell whether the block says this already; 1, 1.0 and True are not the same."""
    held = item.blocks.get(observation.block)
    return held is not None and repr(dict(sorted(held.properties.items()))) == repr(observation.properties)
