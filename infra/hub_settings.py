"""The context keys about many accounts and regions in, checked HubSettings and SpokeSettings out.

key           meaning                                                                        default
organization  id of the organisation (o-…) whose accounts may forward findings to this hub   none
spokes        instead of it: ids of the accounts that may, separated by commas               none

hubBus        ARN of the hub's bus: makes the small stack that forwards to it, and no hub    none
hubRole       ARN of the hub's role that may read findings here by API, and                  none
externalId    the text that it must bring along                                              none
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.context import SettingsError, flag

KEYS: Final = ("organization", "spokes", "hubBus", "hubRole", "externalId")
MAX_SPOKES: Final = 100
"""A bus's policy may take 10,240 characters, and an account's ARN in it about 40.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
_ORGANIZATION: Final = re.compile("o-[a-z0-9]{10,32}")
_ACCOUNT: Final = re.compile("[0-9]{12}")
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
_BUS: Final = re.compile(
    r"arn:aws[a-z-]*:events:[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:event-bus/[A-Za-z0-9._-]{1,256}"
)
_ROLE: Final = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:role/([\x21-\x7e]{1,510}/)?[\w+=,.@-]{1,64}", re.ASCII
)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Who may forward findings to the hub: an organisation or single accounts, or nobody."""

    organization: str = ""
    spokes: tuple[str, ...] = ()

    @property
    def takes_in(self) -> bool:
        """Whether there is a bus for what others forward."""
        return bool(self.organization or self.spokes)


@dataclass(frozen=True, slots=True)
class SpokeSettings:
    """Where a spoke forwards to. `hub_role` and `external_id` are empty unless the hub may read here."""

    bus: str
    hub_role: str = ""
    external_id: str = ""
    test_source: bool = False

    @property
    def hub_account(self) -> str:
        """The account of the hub's role."""
        return self.hub_role.split(":")[4]


NO_HUB: Final = HubSettings()


def hub_settings(context: Mapping[str, Any]) -> HubSettings:
    """Check the keys of a hub; raises SettingsError."""
    for key in ("hubRole", "externalId"):
        if context.get(key) not in (None, "") and context.get("hubBus") in (None, ""):
            raise SettingsError(key, "belongs to a spoke: give hubBus, the ARN of the hub's bus, beside it.")
    organization, spokes = _organization(context.get("organization")), _spokes(context.get("spokes"))
    if organization and spokes:
        raise SettingsError("spokes", "is for accounts without an organisation: give one of the two.")
    return HubSettings(organization, spokes)


def spoke_settings(context: Mapping[str, Any]) -> SpokeSettings | None:
    """Check the keys of a spoke; None if it is none. Raises SettingsError."""
    bus = context.get("hubBus")
    if bus in (None, ""):
        return None
    if not _BUS.fullmatch(str(bus)) or str(bus).endswith(":event-bus/default"):
        raise SettingsError(
            "hubBus",
            "must be the ARN of the hub's own bus, the output EventBus of its stack, such as "
            f"arn:aws:events:eu-west-1:111122223333:event-bus/secgraph; not {bus!r}.",
        )
    role, external_id = _hub_role(context.get("hubRole")), _external_id(context.get("externalId"))
    if bool(role) != bool(external_id):
        given, missing = ("hubRole", "externalId") if role else ("externalId", "hubRole")
        raise SettingsError(given, f"needs {missing} beside it: the hub reads with both or not at all.")
    return SpokeSettings(str(bus), role, external_id, flag("testSource", context.get("testSource")))


def _organization(value: object) -> str:
    if value in (None, ""):
        return ""
    if not _ORGANIZATION.fullmatch(str(value)):
        raise SettingsError(
            "organization",
            "must be the id of an organisation, o- and 10 to 32 small letters and digits "
            f"(`aws organizations describe-organization` shows it); not {value!r}.",
        )
    return str(value)


def _spokes(value: object) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    listed = value if isinstance(value, list) else str(value).split(",")
    accounts = tuple(dict.fromkeys(str(each).strip() for each in listed))
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise SettingsError("spokes", f"an account id has 12 digits, {account!r} is none.")
    if len(accounts) > MAX_SPOKES:
        raise SettingsError("spokes", f"holds at most {MAX_SPOKES} accounts; beyond that use organization.")
    return accounts


def _hub_role(value: object) -> str:
    if value in (None, ""):
        return ""
    if not _ROLE.fullmatch(str(value)):
        raise SettingsError(
            "hubRole",
            "must be the ARN of the hub's role, the output ReconcileRole of its stack, such as "
            f"arn:aws:iam::111122223333:role/secgraph-Reconcile; not {value!r}.",
        )
    return str(value)


def _external_id(value: object) -> str:
    if value in (None, ""):
        return ""
    if not _EXTERNAL_ID.fullmatch(str(value)):
        raise SettingsError("externalId", "must be 2 to 1224 letters, digits or any of _+=,.@:/-.")
    return str(value)
