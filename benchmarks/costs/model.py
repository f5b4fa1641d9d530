"""A month's work and what was counted of it → what each part of a deployment costs. Pure.

    Month, Counted, Prices ─bill→ Line…

Findings are taken to come evenly over the month. That is the dearest way: what comes at once shares batches,
and so invocations, requests and delta files. No free tier is taken off, and no line left out because it is
small; only what an account pays anyway (GuardDuty, Inspector, CloudTrail) is not here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from benchmarks.costs.prices import Prices

DAYS: Final = 30
SECONDS: Final = DAYS * 24 * 3_600
GB: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Month:
    """What happens. Of the finding events, `new` are of new findings, `touched` say that the source saw one
    again, and the rest repeat what is known. Each new finding stays; `entities_a_finding` counts it and its
    share of what it is about. A finding is open for `open_months`."""

    events: int
    new: float = 0.5
    touched: float = 0.3
    entities_a_finding: float = 1.25
    open_months: float = 1.0
    rules: int = 30
    rules_on_change: int = 5
    evaluations: int = DAYS * 24 * 4
    questions: int = 3_000

    @property
    def again(self) -> float:
        """Give the part of the events that change nothing."""
        return 1 - self.new - self.touched

    @property
    def open(self) -> float:
        """Count the findings that are open at any time."""
        return self.events * self.new * self.open_months

    def listed(self, deployed: Deployed) -> float:
        """Count the findings that sources list as open."""
        return DAYS * 24 / deployed.listed_every_hours * self.open

    @property
    def entities(self) -> float:
        """Count what the graph holds after this month and one like it before."""
        return 2 * self.events * self.new * self.entities_a_finding


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the deployment sets; infra/ is the source, and a test compares."""

    batch_seconds: float
    batch_events: int
    pollers: int
    ingest_gb: float
    project_gb: float
    compact_gb: float
    reader_gb: float
    notify_gb: float
    reconcile_gb: float
    reconcile_every_minutes: float
    listed_every_hours: float
    notify_every_minutes: float
    change_seconds: float
    compact_every_minutes: float
    compact_rows: int
    compact_share: int
    compact_age_hours: float
    alarms: int
    metrics: int
    keys: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What one of each needed, counted on the real flows (benchmarks/costs/count.py).

    Units and requests are exact. Seconds are processor time of one core of the machine that counted, which
    are laid over the part of a core that a function has; a request is taken to wait `wait_seconds`.
    """

    units_new: float
    units_touched: float
    units_again: float
    read_units: float
    index_units_new: float
    index_units_touched: float
    items_new: float
    items_touched: float
    item_bytes: float
    index_bytes: float
    raw_bytes: float
    ingest_event_seconds: float
    ingest_batch_seconds: float
    ingest_waits: float
    project_row_seconds: float
    project_batch_seconds: float
    project_puts: float
    project_gets: float
    compact_seconds_a_million: float
    compact_puts: float
    compact_gets: float
    open_seconds_a_million: float
    open_gets: float
    rule_seconds_a_million: float
    start_seconds: float
    image_bytes: float
    wait_seconds: float = 0.02
    log_bytes: float = 600.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: how many of what, and what they cost together, in dollars."""

    service: str
    what: str
    quantity: float
    dollars: float


CORE_GB: Final = 1.769
"""Of memory, for which a function has one core; below it has so much less.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""


def bill(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    """List what a month costs."""
    return [
        *_ingest(month, deployed, counted, prices),
        *_table(month, counted, prices),
        *_reconciling(month, deployed, counted, prices),
        *_projection(month, deployed, counted, prices),
        *_compaction(month, deployed, counted, prices),
        *_reading(month, deployed, counted, prices),
        *_telling(month, deployed, counted, prices),
        *_storage(month, deployed, counted, prices),
        *_watching(month, deployed, counted, prices),
    ]


def batches(month: Month, deployed: Deployed) -> float:
    """Count the batches in which evenly spaced events reach the ingest function."""
    together = 1 + deployed.batch_seconds * month.events / SECONDS
    return month.events / min(together, deployed.batch_events)


def projections(month: Month, deployed: Deployed, counted: Counted) -> float:
    """Count the invocations that read the stream: one for each shard that a batch's items fall into.

    A table on demand starts with four partitions, each with a shard of its own.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
    """
    count = batches(month, deployed)
    rows_a_batch = rows(month, counted) / count if count else 0.0
    return float(count * SHARDS * (1 - (1 - 1 / SHARDS) ** rows_a_batch))


SHARDS: Final = 4


def rows(month: Month, counted: Counted) -> float:
    """Count the items written."""
    return month.events * (month.new * counted.items_new + month.touched * counted.items_touched)


def compactions(month: Month, deployed: Deployed, counted: Counted) -> float:
    """Count the compactions: by rows, or by age where few come."""
    due = max(deployed.compact_rows, month.entities / deployed.compact_share)
    return max(rows(month, counted) / due, DAYS * 24 / deployed.compact_age_hours)


def _seconds(work: float, memory_gb: float, waits: float, counted: Counted) -> float:
    """Give how long a function runs for so much work of one core."""
    return work / min(1.0, memory_gb / CORE_GB) + waits * counted.wait_seconds


def _lambda(what: str, count: float, seconds: float, memory_gb: float, prices: Prices) -> list[Line]:
    """Write the two lines of a function that is invoked so often and runs for so long altogether."""
    gb_seconds = seconds * memory_gb
    return [
        Line("Lambda", f"{what}: invocations", count, count * prices.invocation),
        Line("Lambda", f"{what}: GB-seconds", gb_seconds, gb_seconds * prices.gb_second),
    ]


def _ingest(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    count = batches(month, deployed)
    # A message is sent, received and deleted; idle pollers ask every 20 seconds.
    asked = month.events + 2 * count + deployed.pollers * SECONDS / 20
    work = count * counted.ingest_batch_seconds + month.events * counted.ingest_event_seconds
    seconds = _seconds(work, deployed.ingest_gb, count * counted.ingest_waits, counted)
    return [
        Line("SQS", "requests", asked, asked * prices.queue_request),
        *_lambda("ingest", count, seconds, deployed.ingest_gb, prices),
        Line("S3", "raw archive: PUT", count, count * prices.put),
    ]


def _table(month: Month, counted: Counted, prices: Prices) -> list[Line]:
    written = month.events * (
        month.new * counted.units_new
        + month.touched * counted.units_touched
        + month.again * counted.units_again
    )
    read = month.events * counted.read_units
    # What comes into the index of open findings leaves it when the finding is closed, one day.
    indexed = month.events * (
        2 * month.new * counted.index_units_new + month.touched * counted.index_units_touched
    )
    return [
        Line("DynamoDB", "write units", written, written * prices.write_unit),
        Line("DynamoDB", "open findings, index: write units", indexed, indexed * prices.write_unit),
        Line("DynamoDB", "read units", read, read * prices.read_unit),
        Line("DynamoDB Streams", "reads by Lambda", projections_free(month), 0.0),
    ]


PAGE: Final = 50
"""Findings in a page of GuardDuty's; Inspector's are twice as long, and ask for less."""
COMPARED: Final = 2
"""How much dearer it is to compare a finding with what its source says than to take an event in."""
PAGE_WAITS: Final = 7
"""Two requests to the source, two reads, the archive, what was seen, and the ledger."""


def _reconciling(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    """What the sources hold open, listed and compared. The sources' own calls cost nothing.

    Each finding is read to be compared, and read again with all that it speaks of to be merged; what is as it
    was is not written. A look of the schedule at the ledger begins cold each time.
    """
    ticks, listed = DAYS * 24 * 60 / deployed.reconcile_every_minutes, month.listed(deployed)
    listings = listed / PAGE
    work = ticks * counted.start_seconds + listed * COMPARED * counted.ingest_event_seconds
    waits = ticks + listings * PAGE_WAITS
    seconds = _seconds(work, deployed.reconcile_gb, waits, counted)
    read = listed * (1 + counted.read_units) + ticks
    return [
        *_lambda("reconcile", ticks, seconds, deployed.reconcile_gb, prices),
        Line("DynamoDB", "reconcile: read units", read, read * prices.read_unit),
        Line("DynamoDB", "ledger: write units", listings, listings * prices.write_unit),
        Line("S3", "reconcile: PUT", 2 * listings, 2 * listings * prices.put),
    ]


def projections_free(month: Month) -> float:
    """Count the reads of the stream, four a second and shard. Lambda's reads of a stream cost nothing.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.Lambda.html
    """
    return SHARDS * 4 * SECONDS if month.events else 0.0


def _projection(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    count = projections(month, deployed, counted)
    work = count * counted.project_batch_seconds + rows(month, counted) * counted.project_row_seconds
    waits = count * (counted.project_puts + counted.project_gets)
    seconds = _seconds(work, deployed.project_gb, waits, counted)
    puts, gets = count * counted.project_puts, count * counted.project_gets
    return [
        *_lambda("project", count, seconds, deployed.project_gb, prices),
        Line("S3", "deltas and manifest: PUT", puts, puts * prices.put),
        Line("S3", "manifest: GET", gets, gets * prices.get),
    ]


def _compaction(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    count = compactions(month, deployed, counted)
    looked = DAYS * 24 * 60 / deployed.compact_every_minutes
    work = counted.compact_seconds_a_million * month.entities / 1_000_000
    waits = counted.compact_puts + counted.compact_gets
    built = _seconds(work + counted.start_seconds, deployed.compact_gb, waits, counted)
    idle = _seconds(counted.start_seconds, deployed.compact_gb, 2, counted)
    puts, gets = count * counted.compact_puts, count * counted.compact_gets + looked
    return [
        *_lambda("compact", count, count * built, deployed.compact_gb, prices),
        *_lambda(
            "compact, nothing due", looked - count, (looked - count) * idle, deployed.compact_gb, prices
        ),
        Line("S3", "base: PUT", puts, puts * prices.put),
        Line("S3", "base: GET", gets, gets * prices.get),
    ]


def _reading(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    """Every evaluation and every question is taken to begin cold: to load the image anew."""
    size = month.entities / 1_000_000
    opened = counted.start_seconds + counted.open_seconds_a_million * size
    rules = opened + month.rules * counted.rule_seconds_a_million * size
    lines: list[Line] = []
    for what, count, work in (
        ("evaluate", month.evaluations, rules),
        ("query", month.questions, opened + counted.rule_seconds_a_million * size),
    ):
        seconds = _seconds(work, deployed.reader_gb, counted.open_gets / 8, counted)
        lines += _lambda(what, count, count * seconds, deployed.reader_gb, prices)
    gets = (month.evaluations + month.questions) * counted.open_gets
    return [*lines, Line("S3", "image: GET", gets, gets * prices.get)]


ALERT_UNITS: Final = 2
"""Of an alert in its table, to read and to write: 4 and 2 KB."""


def windows(month: Month, deployed: Deployed, counted: Counted) -> float:
    """Count the windows in which something changes, after each of which the rules on change are evaluated."""
    in_all = SECONDS / deployed.change_seconds
    return in_all * (1 - math.exp(-projections(month, deployed, counted) / in_all))


def _telling(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    """Alerts and what becomes of them: rules on change, and the sender, which looks at its outbox.

    A run on change follows another by moments, so it is warm, and loads no more of the image than what
    changed: the manifest and a delta. The sender is taken to begin cold each time.
    """
    changes, looks = windows(month, deployed, counted), DAYS * 24 * 60 / deployed.notify_every_minutes
    marks = projections(month, deployed, counted)
    work = month.rules_on_change * counted.rule_seconds_a_million * month.entities / 1_000_000
    seconds = changes * _seconds(work, deployed.reader_gb, 4, counted)
    looking = looks * _seconds(counted.start_seconds, deployed.notify_gb, 1, counted)
    evaluated = month.rules * month.evaluations + month.rules_on_change * changes
    written = marks + ALERT_UNITS * evaluated
    read = ALERT_UNITS * month.rules * (month.evaluations + changes + looks)
    return [
        *_lambda("evaluate on change", changes, seconds, deployed.reader_gb, prices),
        Line("S3", "image on change: GET", 2 * changes, 2 * changes * prices.get),
        *_lambda("notify", looks, looking, deployed.notify_gb, prices),
        Line("DynamoDB", "change mark, alerts: write units", written, written * prices.write_unit),
        Line("DynamoDB", "alerts: read units", read, read * prices.read_unit),
    ]


def _storage(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    table, index = month.entities * counted.item_bytes / GB, month.open * counted.index_bytes / GB
    # A quarter of a year of raw events and answers, and two images: retired files stay an hour.
    raw = 3 * (month.events + month.listed(deployed)) * counted.raw_bytes
    objects = (raw + 2 * month.entities * counted.image_bytes) / GB
    return [
        Line("DynamoDB", "GB-months", table, table * (prices.table_gb_month + prices.recovery_gb_month)),
        # Recovery to a point in time keeps the table alone, and makes its indexes anew.
        Line("DynamoDB", "open findings, index: GB-months", index, index * prices.table_gb_month),
        Line("S3", "GB-months", objects, objects * prices.object_gb_month),
    ]


def _watching(month: Month, deployed: Deployed, counted: Counted, prices: Prices) -> list[Line]:
    count = batches(month, deployed) + projections(month, deployed, counted) + month.evaluations
    logs = count * counted.log_bytes / GB
    return [
        Line("CloudWatch", "GB of logs", logs, logs * prices.log_gb),
        Line("CloudWatch", "alarms", deployed.alarms, deployed.alarms * prices.alarm_month),
        Line("CloudWatch", "metrics", deployed.metrics, deployed.metrics * prices.metric_month),
        Line("KMS", "keys", deployed.keys, deployed.keys * prices.key_month),
    ]
