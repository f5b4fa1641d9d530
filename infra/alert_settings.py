"""The context keys about alerts in, checked AlertSettings out.

key            meaning                                                                   default
alertEmail     address that is subscribed to the alert topic                             none
chat           true: a topic of its own for Amazon Q Developer in chat applications      false
slackSecret    ARN of the secret that holds the URL of a Slack webhook, never the URL    none
webhook        https URL that is told of alerts, and                                     none
webhookSecret  ARN of the secret whose text signs what it is told                        none
reach          file: topics, queues and hosts that the actions of rules may reach        nowhere
parameters     path in Parameter Store under which the parameters of rules lie           /secgraph/STACK/param
kmsKeys        ARNs of KMS keys of your own that those secrets, parameters, topics and   none
               queues are encrypted with, separated by commas
intervals      {"*": "ONE_HOUR", "aws-threats": "FIFTEEN_MINUTES"}: how often rules are  as they say
               evaluated, by pack
alertLink      https URL of a page about an alert, with {rule} for the rule's name       none
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from infra import ROOT
from infra.context import SettingsError, flag, json_of
from infra.reach import NOWHERE, Reach, reach_of

KEYS: Final = (
    *("alertEmail", "chat", "slackSecret", "webhook", "webhookSecret"),
    *("reach", "parameters", "kmsKeys", "intervals", "alertLink"),
)
INTERVALS: Final = (
    *("DISABLED", "FIFTEEN_MINUTES", "THIRTY_MINUTES", "ONE_HOUR", "FOUR_HOURS"),
    *("EIGHT_HOURS", "TWELVE_HOURS", "ONE_DAY", "ONE_WEEK"),
)
EVERY_PACK: Final = "*"
MAX_INTERVALS_BYTES: Final = 1_500
"""All variables of a function may take 4 KB."""
_SECRET: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,505}-[A-Za-z0-9]{6}"
)
_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,256}")
_PATH: Final = re.compile(r"(/[A-Za-z0-9_.-]+){1,14}")


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What an installation may choose about alerts. `intervals` is JSON by the packs' file names, empty when
    none were given; so are all other texts."""

    email: str = ""
    chat: bool = False
    slack_secret: str = ""
    webhook: str = ""
    webhook_secret: str = ""
    reach: Reach = NOWHERE
    parameters: str = ""
    keys: tuple[str, ...] = ()
    intervals: str = ""
    link: str = ""


NONE: Final = AlertSettings()


def alert_settings(context: Mapping[str, Any], packs: Path | None) -> AlertSettings:
    """Check every key about alerts; `packs` is the folder of the installation's own. Raises SettingsError."""
    webhook, secret = _https("webhook", context), _secret("webhookSecret", context)
    if bool(webhook) != bool(secret):
        missing, given = ("webhookSecret", "webhook") if webhook else ("webhook", "webhookSecret")
        raise SettingsError(given, f"needs {missing} beside it: what is sent there is signed.")
    return AlertSettings(
        email=_email(context.get("alertEmail")),
        chat=flag("chat", context.get("chat")),
        slack_secret=_secret("slackSecret", context),
        webhook=webhook,
        webhook_secret=secret,
        reach=reach_of(context.get("reach")),
        parameters=_path(context.get("parameters")),
        keys=_keys(context.get("kmsKeys")),
        intervals=_intervals(context.get("intervals"), packs),
        link=_https("alertLink", context),
    )


def _email(value: object) -> str:
    if value in (None, ""):
        return ""
    if not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+", str(value)):
        raise SettingsError("alertEmail", f"{value!r} is not one e-mail address.")
    return str(value)


def _secret(key: str, context: Mapping[str, Any]) -> str:
    """Give the ARN of a secret. What is none is not quoted: it may be the secret itself."""
    value = context.get(key)
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise SettingsError(
            key,
            "must be the whole ARN of a secret, with the six characters at its end. The value itself is kept "
            "in Secrets Manager and must not stand here.",
        )
    return value


def _https(key: str, context: Mapping[str, Any]) -> str:
    value = context.get(key)
    if value in (None, ""):
        return ""
    try:
        parts = urlsplit(str(value))
        is_good = parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443)
        is_good = is_good and not (parts.username or parts.password or parts.fragment)
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[\s\"'<>\\^`|]", str(value)) or len(str(value)) > 1_000:
        raise SettingsError(key, "must be an https URL, without a password, a port or a fragment.")
    return str(value)


def _path(value: object) -> str:
    if value in (None, ""):
        return ""
    if not _PATH.fullmatch(str(value)) or re.match("/(aws|ssm)", str(value), re.IGNORECASE):
        raise SettingsError(
            "parameters", f"must be a path such as /security/rules, which begins with no /aws; not {value!r}."
        )
    return str(value)


def _keys(value: object) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    listed = value if isinstance(value, list) else str(value).split(",")
    for each in listed:
        if not isinstance(each, str) or not _KEY.fullmatch(each):
            raise SettingsError("kmsKeys", f"{each!r} is not the ARN of a KMS key (arn:aws:kms:…:key/…).")
    return tuple(dict.fromkeys(listed))


def _intervals(value: object, packs: Path | None) -> str:
    """Check the names of packs and intervals; a pack may be called with or without its `.json`."""
    if value in (None, ""):
        return ""
    given = json_of("intervals", value, "the value") if isinstance(value, str) else value
    if not isinstance(given, dict):
        raise SettingsError(
            "intervals", 'write an object: {"*": "ONE_HOUR", "aws-threats": "FIFTEEN_MINUTES"}.'
        )
    known = _packs(packs)
    found = {}
    for pack, interval in given.items():
        name = pack if pack == EVERY_PACK or pack.endswith(".json") else f"{pack}.json"
        if name not in known:
            raise SettingsError("intervals", f"there is no pack {pack!r}; the packs are {', '.join(known)}.")
        if interval not in INTERVALS:
            raise SettingsError("intervals", f"{pack}: {interval!r} is none of {', '.join(INTERVALS)}.")
        found[name] = interval
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_INTERVALS_BYTES:
        raise SettingsError(
            "intervals", f"takes {len(text)} bytes and may take {MAX_INTERVALS_BYTES}; use *."
        )
    return text


def _packs(own: Path | None) -> list[str]:
    folders = [ROOT / "rule_packs", *([own] if own else [])]
    names = {file.name for folder in folders for file in folder.glob("*.json")} - {"schema.json"}
    return [EVERY_PACK, *sorted(names)]
