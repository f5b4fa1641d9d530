"""Places of secrets: each form that rules write, with what is sent for it."""

from __future__ import annotations

import json

import pytest

from secgraph.alerts.channels.sealed import filled, names
from secgraph.errors import ChannelError
from secgraph.rules.fields import Json

SECRET = 'a"b\\c/d&e=#'


@pytest.mark.parametrize(
    ("parts", "sent"),
    [
        (["Bearer ", {"param": "P"}], f"Bearer {SECRET}"),
        (["https://a/", {"param": "P", "as": "url"}, "?x"], "https://a/a%22b%5Cc/d%26e%3D%23?x"),
        (['{"p": "', {"param": "P", "as": "json"}, '"}'], json.dumps({"p": SECRET})),
    ],
)
def test_a_secret_is_written_as_its_place_says(parts: list[Json], sent: str) -> None:
    value: Json = {"deep": [{"$sealed": parts}]}
    assert names(value) == {"P"}
    assert filled(value, {"P": SECRET}.__getitem__) == {"deep": [sent]}


@pytest.mark.parametrize("part", [{"param": "P", "as": "xml"}, {"param": "P", "as": ["url"]}, {"as": "url"}])
def test_a_place_of_another_form_is_refused(part: Json) -> None:
    with pytest.raises(ChannelError, match="not of the form that rules write"):
        filled({"$sealed": [part]}, {"P": SECRET}.__getitem__)
