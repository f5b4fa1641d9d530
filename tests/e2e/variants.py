"""Sample events made to speak of other instances, and of later days."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

Event = dict[str, Any]

SAMPLE_INSTANCE: Final = "i-0aa11bb22cc33dd44"
SAMPLE_ACCOUNT: Final = "111122223333"
SAMPLE_FINDINGS: Final = ("1ab92989eaf0e742df4a014d5171c8d1", "5c9b4d1e2f3a40718293a4b5c6d7e8f9")


def about(instance: str, event: Event) -> Event:
    """A sample event as if it spoke of another instance, under a finding id of its own."""
    text = json.dumps(event).replace(SAMPLE_INSTANCE, instance)
    for finding in SAMPLE_FINDINGS:
        text = text.replace(finding, finding[: -len(instance) + 2] + instance[2:])
    changed: Event = json.loads(text)
    return changed


def later(event: Event, **detail: object) -> Event:
    """A newer state of a finding: other details, a day after the sample."""
    changed = copy.deepcopy(event)
    changed["detail"] |= detail
    inspector = "findingArn" in changed["detail"]
    changed["detail"]["updatedAt"] = (
        "Sat Nov 21 08:15:00.000 UTC 2026" if inspector else "2026-11-21T08:15:00.000Z"
    )
    return changed


def call(name: str, moment: str, event: Event) -> Event:
    """What CloudTrail reports of an administrator's call to GuardDuty's API that names a finding."""
    detail = {
        "eventSource": "guardduty.amazonaws.com",
        "eventName": name,
        "eventTime": moment,
        "awsRegion": event["detail"]["region"],
        "requestParameters": {"detectorId": "0" * 32, "findingIds": [event["detail"]["id"]]},
    }
    return {"source": "aws.guardduty", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def of_account(account: str, event: Event) -> Event:
    """A sample event as if all of it were in another account, its ARNs included."""
    changed: Event = json.loads(json.dumps(event).replace(SAMPLE_ACCOUNT, account))
    return changed
