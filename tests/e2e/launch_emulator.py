"""Runs ministack, changed in one point: PutEvents takes events of `aws.*` sources, as AWS's services send them.

Without it only the test source could be tried, not the patterns that findings really pass. The name below is
private to ministack, so its version is pinned.
"""

from __future__ import annotations

from functools import partial

from ministack import app
from ministack.services import eventbridge

if __name__ == "__main__":
    eventbridge._put_events = partial(eventbridge._put_events, allow_aws_source=True)
    app.main()
