"""A day as two tables and an archive saw it: received in batches, late and twice; and its replay."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from secgraph.flows.replay import Ingesting, Ports, Request, replay
from secgraph.graph.model import AccountSettings, Item
from secgraph.graph.ports import ItemPage
from secgraph.ingest import archive
from secgraph.ingest.ports import Delivery, RawBatch, RawPage
from secgraph.sources.observed import ABSENT, finding_state, source_state
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Finished, Standing, State
from tests.converge.delivery import Memory, Worker, deliveries
from tests.converge.estate import SHOP, Estate
from tests.converge.events import attack_arn

PAGE = 7
NOW = 1_800_000_000_000
ACCOUNTS = {SHOP.account: AccountSettings("shop-prod", production=True)}
ATTACK = attack_arn(SHOP, "a0")
HOUR = 3_600_000
BAD = '{"source": "aws.guardduty"'


class CutOff(BaseException):
    """The end of a caller that nothing can catch."""


@dataclass
class Objects:
    """The raw archive: objects as they are packed, and when each was written."""

    held: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    now: int = NOW - 3_600_000
    meanwhile: Callable[[], None] = lambda: None
    """What happens after the archive was listed."""

    def put(self, deliveries: Sequence[Delivery]) -> None:
        for packed in archive.pack(deliveries):
            self.held[packed.key] = packed.content, self.now

    def objects(self, after: str, since: int) -> RawPage:
        there = sorted(key for key in self.held if key > after)
        keys = tuple(key for key in there[:PAGE] if self.held[key][1] >= since)
        self.meanwhile()
        return RawPage(keys, there[PAGE - 1] if len(there) > PAGE else "")

    def deliveries(self, keys: Sequence[str]) -> RawBatch:
        return RawBatch(tuple(one for key in keys for one in archive.unpack(self.held[key][0], key)), ())


@dataclass
class Table(Memory):
    """A table that is read page by page, and may be emptied."""

    def page(self, after: str) -> ItemPage:
        ids = [id_ for id_ in sorted(self.texts) if id_ > after]
        items = list(self.read(ids[:PAGE]).values())
        return ItemPage(items, 0, ids[PAGE - 1] if len(ids) > PAGE else "")

    def readable(self, ids: Collection[str]) -> tuple[Mapping[str, Item], int]:
        return self.read(ids), 0

    def empty_some(self) -> int:
        some = list(self.texts)[:PAGE]
        for id_ in some:
            del self.texts[id_]
        return len(some)

    def change(self, key: str, **properties: Any) -> None:
        """Let somebody else write to an item."""
        (item,) = (item for item in self.items() if item.thing.key == key)
        name = next(name for name in sorted(item.blocks) if name.endswith("/finding"))
        block = item.blocks[name]
        changed = replace(block, properties={**block.properties, **properties})
        self.put_item(replace(item, blocks={**item.blocks, name: changed}, rev=item.rev + 1))


@dataclass
class Notes:
    """Texts by name. Call number `cut_at` is the caller's last."""

    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    cut_at: int = -1
    puts: int = 0

    def note(self, name: str) -> tuple[str, int]:
        return self.held.get(name, ("", 0))

    def put_note(self, name: str, text: str, rev: int) -> bool:
        if self.puts == self.cut_at:
            raise CutOff
        self.puts += 1
        if self.note(name)[1] != rev - 1:
            return False
        self.held[name] = text, rev
        return True


@dataclass
class World:
    """The live table, the table beside, the archive and the notes."""

    archive: Objects = field(default_factory=Objects)
    graph: Table = field(default_factory=Table)
    copy: Table = field(default_factory=Table)
    notes: Notes = field(default_factory=Notes)
    now: int = NOW + 1_000
    calls: int = 0

    def live(self, sent: Sequence[Delivery], random: Random) -> None:
        """Receive everything in batches of any order, some of it twice, by two workers that archive."""
        messages = [*sent, *random.choices(sent, k=len(sent) // 3)]
        random.shuffle(messages)
        workers = [Worker(self.graph, ACCOUNTS) for _ in range(2)]
        while messages:
            batch, messages = messages[: (size := random.randint(1, 5))], messages[size:]
            self.archive.put(batch)
            random.choice(workers).ingest(batch)

    def call(
        self, into: str = "replay", *, id_: str = "", anew: bool = False, steps: int = 1_000
    ) -> dict[str, Any]:
        """Call the replay for so many steps."""
        self.calls += 1
        left = [steps]

        def stop() -> bool:
            left[0] -= 1
            return left[0] <= 0

        return replay(
            Request(into, id_, anew),
            ports=Ports(self.archive, self.graph, self.copy, self.notes),
            how=Ingesting(ACCOUNTS),
            clock=lambda: self.now,
            token=f"r{self.calls}",
            stop=stop,
        )


def a_day(random: Random, operations: int) -> list[Delivery]:
    """Make what was received of a day: events of both sources, calls that archive, what a reconcile saw, an
    answer of a list call, and a text that nobody understands."""
    estate = Estate()
    pick = random.choice
    flip = partial(pick, (True, False))
    todo: list[Callable[[int], None]] = [
        lambda wait: estate.attack(
            pick(range(6)), wait, severity=pick((2.0, 8.0)), address="192.0.2.7", copies=flip()
        ),
        lambda wait: estate.archive(
            pick(range(6)), wait, archived=flip(), by_administrator=flip(), denied=False
        ),
        lambda wait: estate.scan(pick(range(6)), wait, severity="HIGH", epss=pick((0.1, 0.2)), copies=flip()),
        lambda wait: estate.settle(pick(range(6)), wait, status="CLOSED", copies=flip()),
        lambda wait: estate.sequence(pick(range(2)), wait, members=[0, 1], copies=flip()),
        lambda wait: estate.tag(pick(range(4)), wait, value=pick(("true", "no"))),
        lambda wait: estate.cover(pick(range(3)), wait, scan_type="PACKAGE", active=flip()),
        lambda wait: estate.terminate(2, wait),
    ]
    estate.attack(0, 0, severity=5.0, address="192.0.2.7", copies=True)
    for _ in range(operations):
        random.choice(todo)(random.choice((0, 1, 900, 61_000, HOUR // 2, HOUR)))
    sent = [
        replace(one, received_on=one.received_on + random.choice((0, 0, 5_000, HOUR)))
        for one in deliveries(estate.published)
    ]
    guardduty = [json.loads(one.body)["detail"] for one in sent if '"GuardDuty Finding"' in one.body]
    scope = Scope("guardduty", SHOP.account, SHOP.region)
    finished = Finished(estate.now, estate.now + 4, 6, 6, 0, 1, 0)
    standing = Standing(scope, Reader(SHOP.account), State.ON, estate.now, finished=finished)
    return [
        *sent,
        finding_state(ATTACK, scope, is_open=False, observed_on=estate.now + 1, reason=ABSENT),
        source_state(standing, estate.now + 5),
        Delivery("answer", json.dumps({"Findings": [pascal(one) for one in guardduty[:2]]}), estate.now + 9),
        Delivery("bad", BAD, estate.now + 10),
    ]


def pascal(value):
    """Spell a finding of an event as GetFindings does."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: pascal(one) for name, one in value.items()}
    return [pascal(one) for one in value] if isinstance(value, list) else value
