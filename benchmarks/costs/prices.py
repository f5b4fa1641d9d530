"""What AWS asks, in US dollars, in us-east-1, without any free tier.

Each figure names the page that it was read from; a deployment elsewhere pays up to a third more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars for one of each."""

    # https://aws.amazon.com/dynamodb/pricing/on-demand/
    write_unit: float = 0.625 / MILLION
    read_unit: float = 0.125 / MILLION
    table_gb_month: float = 0.25
    recovery_gb_month: float = 0.20
    # https://aws.amazon.com/lambda/pricing/ (arm64; the first 512 MB of /tmp are free)
    invocation: float = 0.20 / MILLION
    gb_second: float = 0.0000133334
    scratch_gb_second: float = 0.0000000309
    # https://aws.amazon.com/s3/pricing/ (Standard)
    put: float = 0.005 / 1_000
    get: float = 0.0004 / 1_000
    object_gb_month: float = 0.023
    # https://aws.amazon.com/sqs/pricing/
    queue_request: float = 0.40 / MILLION
    # https://aws.amazon.com/cloudwatch/pricing/
    log_gb: float = 0.50
    alarm_month: float = 0.10
    metric_month: float = 0.30
    # https://aws.amazon.com/kms/pricing/
    key_month: float = 1.00


US_EAST_1: Final = Prices()
