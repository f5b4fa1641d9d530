"""The `_id` of a key is a UUID of version 5, as every other implementation of RFC 9562 makes it."""

from __future__ import annotations

import uuid

import pytest

from secgraph.graph.model import NAMESPACE, id_of


def test_an_id_is_the_uuid_of_its_key() -> None:
    """With every variant digit that a digest may begin with."""
    keys = ["", "arn:aws:ec2:eu-west-1:1:instance/i-0", "żółw 🐢", *map(str, range(64))]
    assert [id_of(key) for key in keys] == [str(uuid.uuid5(NAMESPACE, key)) for key in keys]


def test_half_a_character_has_no_id() -> None:
    with pytest.raises(UnicodeEncodeError):
        id_of("\ud800")
