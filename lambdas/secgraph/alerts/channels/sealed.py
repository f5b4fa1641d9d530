"""Sealed places: where a rule's action needs a secret parameter. In: a value of an effect, and a way to read
secrets. Out: the value with them in their places, or the names of those that it needs.

A place is {"$sealed": ["Bearer ", {"param": "Token"}]} (rules/effects.py). It is filled in for sending only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeGuard

from secgraph.errors import ChannelError
from secgraph.rules.effects import SEALED
from secgraph.rules.fields import Json


def names(value: Json) -> frozenset[str]:
    """Give the names of the secret parameters that a value needs. Raises ChannelError, final, for a place of
    no known form."""
    return frozenset(name for place in _places(value) for name, secret in _parts(place) if secret)


def filled(value: Json, secrets: Callable[[str], str]) -> Json:
    """Put the secrets in. Raises ChannelError, and what `secrets` raises."""
    if _is_sealed(value):
        return "".join(secrets(text) if secret else text for text, secret in _parts(value))
    if isinstance(value, dict):
        return {name: filled(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, secrets) for each in value]
    return value


def begins(value: Json) -> str:
    """Give the text before the first secret: all of a text without any."""
    if not _is_sealed(value):
        return value if isinstance(value, str) else ""
    head = ""
    for text, secret in _parts(value):
        if secret:
            return head
        head += text
    return head


def _is_sealed(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict) and value.keys() == {SEALED}


def _places(value: Json) -> Iterator[dict[str, Json]]:
    if _is_sealed(value):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _places(each)
    elif isinstance(value, list):
        for each in value:
            yield from _places(each)


def _parts(place: dict[str, Json]) -> Iterator[tuple[str, bool]]:
    """Give the texts of a place in order, each with whether it is the name of a secret."""
    parts = place[SEALED]
    for part in parts if isinstance(parts, list) else [None]:
        if isinstance(part, str):
            yield part, False
            continue
        name = part.get("param") if isinstance(part, dict) else None
        if not isinstance(name, str):
            raise ChannelError("a place for a secret is not of the form that rules write", final=True)
        yield name, True
