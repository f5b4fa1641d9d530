"""The file of `-c reach=`: where the actions of rules may go. JSON in, checked Reach out.

{"version": 1, "topics": ["arn:aws:sns:…"], "queues": ["https://sqs.…" or "arn:aws:sqs:…"],
 "hosts": {"api.example.com": {"secrets": ["Token"]}}}

It bounds the sender's role here, and in the asset the sender itself (secgraph/alerts/reach.py), which knows
queues by their URLs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.context import SettingsError, read_json

KEY: Final = "reach"
VERSION: Final = 1
PARTS: Final = ("version", "topics", "queues", "hosts")
MAX_ROLE_CHARACTERS: Final = 4_500
"""Of the ARNs in a role's policy. IAM takes 6,144 in all, and the rest of the role needs some of them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_QUEUE: Final = re.compile(r"arn:(aws[a-z-]*):sqs:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_.-]{1,80})")
_QUEUE_URL: Final = re.compile(
    r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/([0-9]{12})/([A-Za-z0-9_.-]{1,80})"
)
_HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+(:(?!443$)[1-9][0-9]{0,4})?")


@dataclass(frozen=True, slots=True)
class Reach:
    """ARNs of topics and queues, and the file as the asset takes it, empty when none was given."""

    topics: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    text: str = ""


NOWHERE: Final = Reach()


def reach_of(value: object) -> Reach:
    """Read and check the file. Raises SettingsError."""
    if value in (None, ""):
        return NOWHERE
    file = Path(str(value))
    document = read_json(KEY, file)
    if not isinstance(document, dict) or document.get("version") is not VERSION:
        raise SettingsError(KEY, f'{file} must hold {{"version": 1, "topics": […], "queues": […], …}}.')
    for part in document.keys() - set(PARTS):
        raise SettingsError(KEY, f"{file}: there is no part {part!r}; the parts are {', '.join(PARTS)}.")
    _check_hosts(file, document.get("hosts") or {})
    queues = [_queue(file, each) for each in _listed(file, document, "queues")]
    topics = tuple(_topic(file, each) for each in _listed(file, document, "topics"))
    if sum(map(len, (*topics, *(arn for arn, _ in queues)))) > MAX_ROLE_CHARACTERS:
        raise SettingsError(
            KEY,
            f"{file}: lists more topics and queues than the sender's role can name; let rules send to one "
            "topic that others get it from.",
        )
    told = {**document, "topics": topics, "queues": [url for _, url in queues]}
    return Reach(topics, tuple(arn for arn, _ in queues), json.dumps(told, sort_keys=True, indent=1))


def _listed(file: Path, document: dict[str, Any], part: str) -> list[str]:
    held = document.get(part) or []
    if not isinstance(held, list) or not all(isinstance(each, str) for each in held):
        raise SettingsError(KEY, f"{file}: {part} must be a list of texts.")
    return list(dict.fromkeys(held))


def _topic(file: Path, arn: str) -> str:
    if not _TOPIC.fullmatch(arn):
        raise SettingsError(KEY, f"{file}: topics: {arn!r} is not the ARN of an SNS topic.")
    return arn


def _queue(file: Path, named: str) -> tuple[str, str]:
    """Give ARN and URL of a queue, which may be named by either."""
    if arn := _QUEUE.fullmatch(named):
        partition, region, account, name = arn.groups()
    elif url := _QUEUE_URL.fullmatch(named):
        region, china, account, name = url.groups()
        partition = "aws-cn" if china else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    else:
        raise SettingsError(KEY, f"{file}: queues: {named!r} is neither URL nor ARN of an SQS queue.")
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return (
        f"arn:{partition}:sqs:{region}:{account}:{name}",
        f"https://sqs.{region}.{domain}/{account}/{name}",
    )


def _check_hosts(file: Path, hosts: object) -> None:
    if not isinstance(hosts, dict):
        raise SettingsError(
            KEY, f'{file}: hosts must be an object: {{"api.example.com": {{"secrets": []}}}}.'
        )
    for host, settings in hosts.items():
        where = f"{file}: hosts: {json.dumps(host)}"
        if not _HOST.fullmatch(host):
            raise SettingsError(
                KEY, f"{where} is no host; write a lower-case name, and a port unless it is 443."
            )
        if not isinstance(settings, dict):
            raise SettingsError(KEY, f'{where}: write {{"secrets": ["Name", …]}}; it gets no others.')
        for field in settings.keys() - {"secrets"}:
            raise SettingsError(KEY, f"{where}: there is no field {field!r}; use secrets.")
        _listed(Path(where), settings, "secrets")
