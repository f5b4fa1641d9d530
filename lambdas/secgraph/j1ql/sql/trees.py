"""RETURN TREE → every entity and relationship of the paths, each once (j1ql.md section 12).

Where nothing looks at two records of a path at once, paths are never built: a record is on a path if it can
be reached from the start (`hop1`, `hop2`, … forwards) and the end can be reached from it (`kept`, backwards).
That costs a sum over the relationships passed; the paths themselves are a product.
"""

# ruff: noqa: S608 (names are quoted or ours, values are bound)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from secgraph.j1ql.nodes import EntityPattern, Hop, Step
from secgraph.j1ql.sql.compilation import Compilation
from secgraph.j1ql.sql.frames import Frame, Match, Where
from secgraph.j1ql.sql.paths import Paths
from secgraph.j1ql.sql.projections import Keys, Page
from secgraph.j1ql.steps import chain_length

_HOP = ("id", "src", "dst", "near", "far")
"""What is kept of a relationship that was passed: so nothing looks for its ends again."""


@dataclass(frozen=True, slots=True)
class Records:
    """SELECTs of `id` and `layer`: the distance from the start of the path, in hops. With `has_ends`, those
    of edges also give `src` and `dst`."""

    vertices: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    has_ends: bool = False


def tree_statement(compilation: Compilation, records: Records, most: int | None) -> str:
    """Write the whole statement. Past `most` vertices it gives `most` + 1 of them and no edges: enough to
    see that the tree is too large. The rows come in any order: DuckDB would sort them with their documents,
    which takes longer than to find them."""
    vertices = _once(compilation, records.vertices)
    edges = _once(compilation, records.edges, has_ends=records.has_ends)
    ends = "e" if records.has_ends else "r"
    bound = "" if most is None else f" ORDER BY layer, id LIMIT {compilation.bind_count(most + 1)}"
    small = (
        "" if most is None else f" WHERE (SELECT count(*) FROM {vertices}) <= {compilation.bind_count(most)}"
    )
    return (
        "SELECT 'v' AS sort, v.layer AS layer, d.id AS id, d.body AS body, NULL AS src, NULL AS dst\n"
        f"FROM (SELECT * FROM {vertices}{bound}) AS v JOIN entity_document AS d USING (id)\n"
        "UNION ALL\n"
        f"SELECT 'e', e.layer, d.id, d.body, {ends}.src, {ends}.dst\n"
        f"FROM (SELECT * FROM {edges}{small}) AS e\n"
        "JOIN relationship_document AS d USING (id)"
        + ("" if records.has_ends else " JOIN relationship AS r USING (id)")
    )


def _once(compilation: Compilation, selects: Sequence[str], *, has_ends: bool = False) -> str:
    """Give each record its least layer."""
    if not selects:
        ends = ", NULL::BIGINT AS src, NULL::BIGINT AS dst" if has_ends else ""
        return compilation.cte("found", f"SELECT NULL::BIGINT AS id, 0 AS layer{ends} WHERE FALSE")
    every = "\n    UNION ALL\n    ".join(selects)
    ends = ", any_value(src) AS src, any_value(dst) AS dst" if has_ends else ""
    return compilation.cte(
        "found", f"SELECT id, min(layer) AS layer{ends}\n  FROM ({every})\n  WHERE id IS NOT NULL GROUP BY id"
    )


def records_of_paths(compilation: Compilation, frame: Frame, keys: Keys, page: Page) -> Records:
    """Build the paths and take their records apart. The page is one of start entities."""
    names = [name for name in frame.columns if name[0] != "b"]
    columns = [f"{frame.columns[name]} AS {name}" for name in names]
    paths = compilation.cte("paths", frame.select([*columns, *keys.columns]))
    if page.is_part:
        first = keys.by(names)
        starts = compilation.cte(
            "starts",
            f"SELECT * FROM {paths} QUALIFY row_number() OVER (PARTITION BY e0{first}) = 1"
            f"{first}{page.sql(compilation)}",
        )
        paths = compilation.cte("kept", f"SELECT p.* FROM {paths} AS p SEMI JOIN {starts} AS k USING (e0)")
    selects = [(name, f"SELECT {name} AS id, {name[1:]} AS layer FROM {paths}") for name in names]
    return Records(
        [sql for name, sql in selects if name[0] == "e"], [sql for name, sql in selects if name[0] == "r"]
    )


class Reachable:
    """Finds the records of all paths without the paths. `where` holds the tests of WHERE by record."""

    def __init__(self, compilation: Compilation, paths: Paths, match: Match, where: Where) -> None:
        self._compilation = compilation
        self._paths = paths
        self._match = match
        self._where = where

    def start(self, pattern: EntityPattern) -> Frame:
        """Write the frame of the start entities, before any step."""
        frame = self._paths.start(pattern)
        frame.conditions += self._where.get("e0", ())
        return frame

    def records(self, start: Frame, steps: Sequence[Step], keys: Keys, page: Page) -> Records:
        """Follow hops (and at the end perhaps a negation) from the start entities, and back."""
        hops = [step for step in steps[: chain_length(steps)] if isinstance(step, Hop)]
        if not hops:
            self._paths.follow(start, steps)
            return Records(
                [f"SELECT id, 0 AS layer FROM {self._starts(start, None, keys, page)}"], has_ends=True
            )
        reached = self._compilation.cte("hop", start.select(["e0.id AS far"]))
        forward: list[str] = []
        for place, hop in enumerate(hops):
            tail = steps[place + 1 :] if place + 1 == len(hops) else ()
            forward.append(reached := self._hop(hop, reached, tail))
        kept = self._back(forward)
        if page.is_part:
            kept = self._forth(self._starts(start, kept[0], keys, page), kept)
        found = Records([f"SELECT near AS id, 0 AS layer FROM {kept[0]}"], has_ends=True)
        for layer, name in enumerate(kept, 1):
            found.vertices.append(f"SELECT far AS id, {layer} AS layer FROM {name}")
            found.edges.append(f"SELECT id, {layer} AS layer, src, dst FROM {name}")
        return found

    def _hop(self, hop: Hop, before: str, tail: Sequence[Step]) -> str:
        number = self._paths.take_number()
        near, far = f"r{number}", f"e{number}"
        frame = Frame(
            [
                f"{self._paths.adjacency(hop)} AS {near}",
                f"SEMI JOIN {before} AS p ON p.far = {near}.near",
                f"JOIN entity AS {far} ON {far}.id = {near}.far",
            ],
            {},
            f"{far}.id",
        )
        frame.conditions += self._match(far, hop.target)
        frame.conditions += [*self._where.get(near, ()), *self._where.get(far, ())]
        self._paths.follow(frame, tail)
        return self._compilation.cte("hop", frame.select([f"{near}.{name}" for name in _HOP]))

    def _back(self, forward: Sequence[str]) -> list[str]:
        """Keep what leads on to the end: from the last hop to the first."""
        kept = [forward[-1]]
        for name in reversed(forward[:-1]):
            select = f"SELECT h.* FROM {name} AS h SEMI JOIN {kept[0]} AS k ON k.near = h.far"
            kept.insert(0, self._compilation.cte("kept", select))
        return kept

    def _forth(self, starts: str, kept: Sequence[str]) -> list[str]:
        """Keep what comes from the start entities of the page."""
        found: list[str] = []
        before, column = starts, "id"
        for name in kept:
            select = f"SELECT h.* FROM {name} AS h SEMI JOIN {before} AS k ON k.{column} = h.near"
            before, column = self._compilation.cte("part", select), "far"
            found.append(before)
        return found

    def _starts(self, start: Frame, first: str | None, keys: Keys, page: Page) -> str:
        if first is not None:
            start.source.append(f"SEMI JOIN {first} AS h ON h.near = e0.id")
        rows = start.select(["e0.id AS id", *keys.columns])
        order = keys.by(["id"]) if page.is_part else ""
        return self._compilation.cte("starts", f"{rows}{order}{page.sql(self._compilation)}")
