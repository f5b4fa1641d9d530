"""What the deployment sets, read from where it is set. In: infra. Out: Deployed."""

from __future__ import annotations

from typing import Final

from benchmarks.costs.model import Deployed
from infra import completeness, image, ingestion, notifying
from infra.settings import DEFAULT_MEMORY_MB
from infra.source_settings import DEFAULT_HOURS
from secgraph import contract
from secgraph.image import plan

ALARMS: Final = 22
METRICS: Final = 7
KEYS: Final = 1
"""Counted in the template by tests/infra/test_bill.py."""


def deployed() -> Deployed:
    """Give the settings of a deployment that changes none."""
    return Deployed(
        batch_seconds=ingestion.BATCH_WINDOW_SECONDS,
        batch_events=ingestion.BATCH_SIZE,
        pollers=ingestion.MAX_CONCURRENCY + image.REBUILD_CONCURRENCY,
        ingest_gb=ingestion.MEMORY_MB / 1024,
        project_gb=image.PROJECT_MB / 1024,
        compact_gb=image.COMPACT_MB / 1024,
        reader_gb=DEFAULT_MEMORY_MB / 1024,
        notify_gb=notifying.MEMORY_MB / 1024,
        notify_every_minutes=contract.NOTIFY_EVERY_MINUTES,
        reconcile_gb=completeness.MEMORY_MB / 1024,
        reconcile_every_minutes=contract.RECONCILE_EVERY_MINUTES,
        listed_every_hours=DEFAULT_HOURS,
        change_seconds=contract.CHANGE_WINDOW_SECONDS,
        compact_every_minutes=contract.COMPACT_EVERY_MINUTES,
        compact_rows=plan.DUE_ROWS,
        compact_share=plan.DUE_SHARE,
        compact_age_hours=plan.DUE_AGE_MS / plan.HOUR_MS,
        alarms=ALARMS,
        metrics=METRICS,
        keys=KEYS,
    )
