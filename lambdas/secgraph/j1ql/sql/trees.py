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
from secgraph.j1ql.sql.frames import Frame, Where
from secgraph.j1ql.sql.paths import Paths
from secgraph.j1ql.sql.plan import RELATIONSHIP
from secgraph.j1ql.sql.projections import Keys, Page
from secgraph.j1ql.sql.selectors import Sorts, sort_tests
from secgraph.j1ql.steps import chain_length

_HOP = ("id", *RELATIONSHIP, "near", "far")
"""What is kept of a relationship that was passed: so nothing looks for it again."""


@dataclass(frozen=True, slots=True)
class Records:
    """SELECTs of `id` and `layer`: the distance from the start of the path, in hops. With `is_shown`, those
    of edges also give what is shown of them."""

    vertices: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    is_shown: bool = False


def tree_statement(compilation: Compilation, records: Records, most: int | None) -> str:
    """Write the whole statement. Past `most` vertices it gives `most` + 1 of them and no edges: enough to
    see that the tree is too large. The rows come in any order."""
    vertices = _once(compilation, records.vertices)
    edges = _once(compilation, records.edges, more=RELATIONSHIP if records.is_shown else ())
    shown = ", ".join(f"{'e' if records.is_shown else 'r'}.{name}" for name in RELATIONSHIP)
    bound = "" if most is None else f" ORDER BY layer, id LIMIT {compilation.bind_count(most + 1)}"
    small = (
        "" if most is None else f" WHERE (SELECT count(*) FROM {vertices}) <= {compilation.bind_count(most)}"
    )
    none = ", ".join(f"NULL AS {name}" for name in RELATIONSHIP)
    return (
        f"SELECT 'v' AS part, v.layer AS layer, v.id AS id, {none}\n"
        f"FROM (SELECT * FROM {vertices}{bound}) AS v\n"
        "UNION ALL\n"
        f"SELECT 'e', e.layer, e.id, {shown}\n"
        f"FROM (SELECT * FROM {edges}{small}) AS e"
        + ("" if records.is_shown else " JOIN relationship AS r USING (id)")
    )


def _once(compilation: Compilation, selects: Sequence[str], *, more: Sequence[str] = ()) -> str:
    """Give each record its least layer."""
    if not selects:
        nothing = "".join(f", NULL AS {name}" for name in more)
        return compilation.cte("found", f"SELECT NULL::BIGINT AS id, 0 AS layer{nothing} WHERE FALSE")
    every = "\n    UNION ALL\n    ".join(selects)
    kept = "".join(f", any_value({name}) AS {name}" for name in more)
    return compilation.cte(
        "found", f"SELECT id, min(layer) AS layer{kept}\n  FROM ({every})\n  WHERE id IS NOT NULL GROUP BY id"
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

    def __init__(self, compilation: Compilation, paths: Paths, where: Where) -> None:
        self._compilation = compilation
        self._paths = paths
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
                [f"SELECT id, 0 AS layer FROM {self._starts(start, None, keys, page)}"], is_shown=True
            )
        reached, near = self._begin(start), start.near
        forward: list[str] = []
        for place, hop in enumerate(hops):
            tail = steps[place + 1 :] if place + 1 == len(hops) else ()
            reached, near = self._hop(near, hop, reached, tail)
            forward.append(reached)
        kept = self._back(forward)
        if page.is_part:
            kept = self._forth(self._starts(start, kept[0], keys, page), kept)
        found = Records([f"SELECT near AS id, 0 AS layer FROM {kept[0]}"], is_shown=True)
        for layer, name in enumerate(kept, 1):
            found.vertices.append(f"SELECT far AS id, {layer} AS layer FROM {name}")
            found.edges.append(f"SELECT id, {layer} AS layer, {', '.join(RELATIONSHIP)} FROM {name}")
        return found

    def _begin(self, start: Frame) -> str:
        """Name the table of the start entities (`far`); empty if a hop need not look at it, because their
        sort tells them all."""
        of_sort = sort_tests(self._compilation.catalogue, "e0", start.near)
        if start.conditions == of_sort:
            return ""
        return self._compilation.cte("hop", start.select(["e0.id AS far"]))

    def _hop(self, near: Sorts, hop: Hop, before: str, tail: Sequence[Step]) -> tuple[str, Sorts]:
        frame, edge = self._paths.across(near, hop, self._where)
        if before:
            frame.source.insert(1, f"SEMI JOIN {before} AS p ON p.far = {edge}.near")
        self._paths.follow(frame, tail)
        return self._compilation.cte("hop", frame.select([f"{edge}.{name}" for name in _HOP])), frame.near

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
