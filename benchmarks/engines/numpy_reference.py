"""The reference near the limit of the machine: numpy arrays, written by hand for these very questions.

No query language, no transactions, no strings but codes: dense integer ids, type by type; the neighbours of
an entity as a stretch of one array (CSR), in both directions, for each kind of link; one file for each
column, read when a question first names it. What it takes is what the layout of the image can give.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.engines.asked import CLASSES, DAY, Asked, Rows, types_of

INDEX: Final = "index.json"
Array = Any


class NumpyReference:
    """A Session."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        self._folder = folder
        self._asked = asked
        self._types: Mapping[str, tuple[int, int]] = index["types"]
        self._severities: list[str] = index["severities"]
        self._leading: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        """From each type: the verb, the type that it leads to, and the name of the arrays."""
        for number, (verb, start, end) in enumerate(index["links"]):
            self._leading[start].append((verb, end, f"{number}.out"))
            self._leading[end].append((verb, start, f"{number}.in"))
        self._classes: Mapping[str, list[str]] = index["classes"]
        self._held: dict[str, Array] = {}

    def ask(self, question: str) -> Rows:
        """Answer with ids of the staged data."""
        found = getattr(self, f"_{question.lower().replace(' ', '_')}")()
        return found if isinstance(found, list) else list(zip(found.tolist(), strict=True))

    def answers(self, question: str) -> bool:
        """Tell whether the reference has an answer to this question: it holds no texts."""
        return hasattr(self, f"_{question.lower().replace(' ', '_')}")

    def _array(self, name: str) -> Array:
        if name not in self._held:
            self._held[name] = np.load(self._folder / f"{name}.npy")
        return self._held[name]

    # ── the questions ─────────────────────────────────────────────────────────────────────────────────

    def _q1(self) -> Array:
        first, second = self._threatened()
        return np.concatenate([first, second])

    def _q1_list(self) -> Array:
        start, end = self._types["aws_guardduty_finding"]
        threats = np.arange(start, end)
        near, far, _ = self._hop(threats, "aws_guardduty_finding", "aws_instance")
        _, kept = self._flawed(np.unique(far))
        return np.unique(near[np.isin(far, kept)])

    def _threatened(self) -> tuple[Array, Array]:
        start, end = self._types["aws_guardduty_finding"]
        _, far, rid = self._hop(np.arange(start, end), "aws_guardduty_finding", "aws_instance")
        flaws, kept = self._flawed(np.unique(far))
        return rid[np.isin(far, kept)], flaws

    def _flawed(self, instances: Array) -> tuple[Array, Array]:
        """Give the relationships to severe flaws, and which of the instances have one."""
        near, far, rid = self._hop(instances, "aws_instance", "aws_inspector_finding", "HAS")
        severe = self._of("aws_inspector_finding", "score", far) > 7
        return rid[severe], np.unique(near[severe])

    def _q2(self) -> Array:
        findings = types_of(self._classes, "Finding")
        severe = {type_: self._severe(type_) for type_ in findings}
        found = []
        for type_ in types_of(self._classes, *CLASSES):
            first, _ = self._types[type_]
            wanted: Array = np.flatnonzero(self._array(f"{type_}.production")) + first
            for finding in findings if wanted.size else ():
                near, far, _ = self._hop(wanted, type_, finding, "HAS")
                found.append(np.unique(near[severe[finding][far - self._types[finding][0]]]))
        return np.unique(np.concatenate(found))

    def _severe(self, type_: str) -> Array:
        score = self._array(f"{type_}.score") > 7
        if "High" not in self._severities:
            return score
        return score | (self._array(f"{type_}.severity") == self._severities.index("High"))

    def _q3(self) -> Array:
        found = []
        for type_ in types_of(self._classes, "Finding"):
            late = np.flatnonzero(self._array(f"{type_}.moment") > self._asked.now - DAY)
            high = self._array(f"{type_}.severity")[late] == self._severities.index("high")
            found.append(late[high | (self._array(f"{type_}.score")[late] >= 7)] + self._types[type_][0])
        return np.concatenate(found)

    def _q4(self) -> Array:
        type_ = "aws_instance"
        wanted: Array = self._array(f"{type_}.production").copy()
        for finding in types_of(self._classes, "Finding"):
            for starts, _, _ in self._ways(type_, finding, "HAS"):
                wanted &= np.diff(starts) == 0
        return np.flatnonzero(wanted) + self._types[type_][0]

    def _q5(self) -> Rows:
        rows: list[tuple[Any, ...]] = []
        for type_ in types_of(self._classes, "Finding"):
            counted = np.bincount(self._array(f"{type_}.severity"))
            rows += [(type_, self._severities[code] or None, int(n)) for code, n in enumerate(counted) if n]
        return rows

    def _q6(self) -> Array:
        hops = [
            ("internet", "aws_security_group", "ALLOWS"),
            ("aws_security_group", "aws_instance", "PROTECTS"),
            ("aws_instance", "aws_iam_role", "USES"),
        ]
        first, end = self._types["internet"]
        reached, taken = np.arange(first, end), []
        for start, finish, verb in hops:
            taken.append(self._hop(reached, start, finish, verb))
            reached = np.unique(taken[-1][1])
        kept, found = reached, []
        for near, far, rid in reversed(taken):
            on_path = np.isin(far, kept)
            found.append(rid[on_path])
            kept = np.unique(near[on_path])
        return np.concatenate(found)

    def _q8(self) -> Array:
        uid = np.bytes_(self._asked.start)
        start = self._array("uids_of")[np.searchsorted(self._array("uids"), uid)]
        around, far = self._around(np.array([start]))
        beyond, _ = self._around(far)
        return np.unique(np.concatenate([around, beyond]))

    # ── hops ──────────────────────────────────────────────────────────────────────────────────────────

    def _of(self, type_: str, column: str, ids: Array) -> Array:
        return self._array(f"{type_}.{column}")[ids - self._types[type_][0]]

    def _ways(self, near: str, far: str, verb: str | None = None) -> Iterator[tuple[Array, Array, Array]]:
        """Give the adjacency from one type to another, along and against each kind of link."""
        for held, end, name in self._leading.get(near, ()):
            if end == far and verb in (None, held):
                yield self._adjacency(name)

    def _adjacency(self, name: str) -> tuple[Array, Array, Array]:
        return self._array(f"{name}.starts"), self._array(f"{name}.far"), self._array(f"{name}.rid")

    def _hop(self, ids: Array, near: str, far: str, verb: str | None = None) -> tuple[Array, Array, Array]:
        """Give (near, far, relationship) of all relationships from these entities to a type."""
        parts = [
            self._stretches(ids - self._types[near][0], ids, *way) for way in self._ways(near, far, verb)
        ]
        nears, fars, rids = zip(*parts, strict=True)
        return np.concatenate(nears), np.concatenate(fars), np.concatenate(rids)

    @staticmethod
    def _stretches(
        places: Array, ids: Array, starts: Array, ends: Array, rids: Array
    ) -> tuple[Array, Array, Array]:
        counts = starts[places + 1] - starts[places]
        total = int(counts.sum())
        offsets: Array = np.repeat(starts[places] - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        taken = np.arange(total) + offsets
        return np.repeat(ids, counts), ends[taken], rids[taken]

    def _around(self, ids: Array) -> tuple[Array, Array]:
        """Give the relationships of these entities, whatever their types, and the other ends."""
        rids, fars = [], []
        for type_, (first, end) in self._types.items():
            held = ids[(ids >= first) & (ids < end)]
            for _, _, name in self._leading.get(type_, ()) if held.size else ():
                part = self._stretches(held - first, held, *self._adjacency(name))
                fars.append(part[1])
                rids.append(part[2])
        return np.unique(np.concatenate(rids)), np.unique(np.concatenate(fars))
