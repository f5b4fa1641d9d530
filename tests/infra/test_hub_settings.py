"""The context keys about many accounts: what is taken, and the message for what is not."""

from __future__ import annotations

from typing import Any

import pytest

from infra.context import SettingsError
from infra.hub_settings import MAX_SPOKES, HubSettings, SpokeSettings, hub_settings, spoke_settings
from infra.settings import from_context

BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/secgraph"
ROLE = "arn:aws:iam::111122223333:role/security/secgraph-Reconcile"


@pytest.mark.parametrize(
    ("context", "settings"),
    [
        ({}, HubSettings()),
        ({"organization": "o-exampleorg1"}, HubSettings(organization="o-exampleorg1")),
        ({"spokes": "222222222222, 333333333333"}, HubSettings(spokes=("222222222222", "333333333333"))),
        ({"spokes": ["222222222222", "222222222222"]}, HubSettings(spokes=("222222222222",))),
    ],
)
def test_a_hub_says_who_may_forward_to_it(context: dict[str, Any], settings: HubSettings) -> None:
    assert hub_settings(context) == settings
    assert from_context(context).hub == settings
    assert settings.takes_in == bool(context)


@pytest.mark.parametrize(
    ("context", "settings"),
    [
        ({}, None),
        ({"hubBus": BUS, "testSource": "true"}, SpokeSettings(BUS, test_source=True)),
        (
            {"hubBus": "arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/secgraph"},
            SpokeSettings("arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/secgraph"),
        ),
        ({"hubBus": BUS, "hubRole": ROLE, "externalId": "a:b"}, SpokeSettings(BUS, ROLE, "a:b")),
    ],
)
def test_a_spoke_knows_its_hub(context: dict[str, Any], settings: SpokeSettings | None) -> None:
    assert spoke_settings(context) == settings


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"organization": "o-short"}, "-c organization: must be the id of an organisation"),
        ({"organization": "O-EXAMPLEORG1"}, "-c organization: must be the id of an organisation"),
        ({"spokes": "22222222222"}, "-c spokes: an account id has 12 digits, '22222222222' is none."),
        ({"spokes": "٢٢٢٢٢٢٢٢٢٢٢٢"}, "-c spokes: an account id has 12 digits"),
        (
            {"spokes": ",".join(f"{n:012}" for n in range(MAX_SPOKES + 1))},
            "-c spokes: holds at most 100 accounts; beyond that use organization.",
        ),
        (
            {"organization": "o-exampleorg1", "spokes": "222222222222"},
            "-c spokes: is for accounts without an organisation: give one of the two.",
        ),
        ({"hubRole": ROLE}, "-c hubRole: belongs to a spoke: give hubBus"),
        ({"externalId": "x1"}, "-c externalId: belongs to a spoke: give hubBus"),
        ({"hubBus": "secgraph"}, "-c hubBus: must be the ARN of the hub's own bus"),
        ({"hubBus": f"{BUS} "}, "-c hubBus: must be the ARN of the hub's own bus"),
        (
            {"hubBus": "arn:aws:events:eu-west-1:111122223333:event-bus/default"},
            "-c hubBus: must be the ARN of the hub's own bus",
        ),
        ({"hubBus": BUS, "hubRole": ROLE}, "-c hubRole: needs externalId beside it"),
        ({"hubBus": BUS, "externalId": "x1"}, "-c externalId: needs hubRole beside it"),
        (
            {"hubBus": BUS, "hubRole": "secgraph-Reconcile", "externalId": "x1"},
            "-c hubRole: must be the ARN of the hub's role",
        ),
        ({"hubBus": BUS, "hubRole": ROLE, "externalId": "a b"}, "-c externalId: must be 2 to 1224 letters"),
        ({"hubBus": BUS, "testSource": "yes"}, "-c testSource: must be true or false"),
    ],
)
def test_what_cannot_be_used_is_told_with_the_remedy(context: dict[str, Any], says: str) -> None:
    check = spoke_settings if context.get("hubBus") else hub_settings
    with pytest.raises(SettingsError) as error:
        check(context)
    assert str(error.value).startswith(says)
