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


RULE: Final = "{rule}"
MAX_LINK: Final = 1_000
_WEBHOOK: Final = re.compile(
    r"https://(?P<host>(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*\.[a-z][a-z0-9-]*)(:443)?([/?][!$-;=?-Z_a-z~%&@\[\]]*)?",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_REST: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")


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
    webhook, secret = _webhook(context), _secret("webhookSecret", context)
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
        link=_link(context),
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


def _webhook(context: Mapping[str, Any]) -> str:
    """Give the address, which must be one that the sender goes to (secgraph/adapters/channels/https.py). What
    it holds is no secret: it stands in the template."""
    value = context.get("webhook")
    if value in (None, ""):
        return ""
    found = _WEBHOOK.fullmatch(str(value))
    if not found or len(str(value)) > 1_000:
        raise SettingsError(
            "webhook",
            "must be an https URL of up to 1000 plain ASCII characters with a host's whole name, without a "
            "password, a port or a fragment.",
        )
    if found["host"] == "hooks.slack.com":
        raise SettingsError("webhook", "is one of Slack, which is a secret: store it, and give slackSecret.")
    return str(value)


def _link(context: Mapping[str, Any]) -> str:
    """Give the address of the page about an alert, which must be one that messages show
    (secgraph/alerts/channels/wording.py)."""
    value = context.get("alertLink")
    if value in (None, ""):
        return ""
    before, hole, after = str(value).partition(RULE)
    if not hole or RULE in after:
        raise SettingsError("alertLink", f"must hold {RULE} once, where the name of the alert's rule goes.")
    if not _LINK.fullmatch(before) or not _REST.fullmatch(after) or len(str(value)) > MAX_LINK:
        raise SettingsError(
            "alertLink",
            f"must be an https URL of up to {MAX_LINK} plain ASCII characters, without a password, and with "
            f"{RULE} behind the host's name.",
        )
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
