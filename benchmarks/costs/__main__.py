"""`make costs`: the tables of docs/costs.md, from the figures of counted.json; `--count` counts them anew,
`--units` those that are no times and the same on every machine."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.costs.model import Counted, Line, Month, bill
from benchmarks.costs.prices import US_EAST_1

COUNTED: Final = Path(__file__).with_name("counted.json")
EVENTS: Final = (10_000, 100_000, 1_000_000)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", action="store_true", help="count anew, and keep the figures")
    parser.add_argument("--units", action="store_true", help="count units and bytes of ingest anew")
    given = parser.parse_args()
    if given.count:
        from benchmarks.costs.count import counted

        _keep(asdict(counted()))
    elif given.units:
        from benchmarks.costs.count import ingested

        exact = {name: value for name, value in ingested().items() if not name.startswith("ingest_")}
        _keep(json.loads(COUNTED.read_text("utf-8")) | exact)
    print(tables())


def _keep(figures: Mapping[str, float]) -> None:
    rounded = {name: float(f"{value:.3g}") for name, value in figures.items()}
    COUNTED.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


def tables() -> str:
    """Write what a month costs at each size, and each line at the largest."""
    from benchmarks.costs.deployment import deployed

    held = Counted(**json.loads(COUNTED.read_text("utf-8")))
    bills = [bill(Month(events), deployed(), held, US_EAST_1) for events in EVENTS]
    return f"{_by_service(bills)}\n\n{_lines(bills[-1])}"


def _by_service(bills: Sequence[Sequence[Line]]) -> str:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(bills))
    for place, lines in enumerate(bills):
        for line in lines:
            sums[line.service][place] += line.dollars
    head = ["dollars a month", *(f"{events:,} findings" for events in EVENTS)]
    rows = [[service, *(f"{dollars:.2f}" for dollars in found)] for service, found in sums.items()]
    total = ["**together**", *(f"**{sum(line.dollars for line in lines):.2f}**" for lines in bills)]
    return _table([head, *rows, total])


def _lines(lines: Sequence[Line]) -> str:
    head = ["service", "of what", "how many", "dollars"]
    return _table(
        [head, *([it.service, it.what, _quantity(it.quantity), f"{it.dollars:.2f}"] for it in lines)]
    )


def _quantity(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


if __name__ == "__main__":
    main()
