"""Runs ministack, changed in one point: PutEvents takes events of `aws.*` sources, as AWS's services do.

Without it only the test source could be tried, not the patterns that findings really pass. The name below
is private to ministack, so its version is pinned.
"""

from __future__ import annotations

from functools import partial

from ministack import app  # type: ignore[import-untyped]
from ministack.services import eventbridge  # type: ignore[import-untyped]

if __name__ == "__main__":
    eventbridge._put_events = partial(eventbridge._put_events, allow_aws_source=True)
    app.main()
