"""The accounts file: what it may say, and what a person reads who wrote it wrongly."""

from __future__ import annotations

import pytest

from secgraph.errors import SettingsError
from secgraph.graph.accounts import accounts_of
from secgraph.graph.model import AccountSettings


def test_names_and_production_are_optional():
    text = '{"111122223333": {"name": "shop-prod", "production": true}, "444455556666": {}}'
    assert accounts_of(text, "accounts.json") == {
        "111122223333": AccountSettings("shop-prod", production=True),
        "444455556666": AccountSettings(None, None),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"1111', r"accounts\.json:1:2: not JSON"),
        ("[]", "accounts.json: expected"),
        pytest.param("[" * 100_000, "accounts.json: not JSON that can be read", id="nested"),
        pytest.param('{"1": ' + "9" * 5_000 + "}", "accounts.json: not JSON that can be read", id="digits"),
        ('{"١١١١٢٢٢٢٣٣٣٣": {}}', "is no account id"),
        ('{"1111": {}}', "'1111' is no account id; an account id has 12 digits"),
        ('{"111122223333": "shop"}', "111122223333: expected"),
        ('{"111122223333": {"nam": "shop"}}', "111122223333.nam: unknown field"),
        ('{"111122223333": {"name": ""}}', "111122223333.name: expected a text"),
        ('{"111122223333": {"production": "true"}}', "111122223333.production: expected true or false"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(SettingsError, match=message):
        accounts_of(text, "accounts.json")
