"""Sealed places: where a rule's action needs a secret parameter. In: a value of an effect, and a way to read
secrets. Out: the value with them in their places, or the names of those that it needs.

A place is {"$sealed": ["Bearer ", {"param": "Token"}]} (rules/effects.py). It is filled in for sending only,
escaped where it says {"param": "Token", "as": "json"} or "url".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeGuard
from urllib.parse import quote

from secgraph.errors import ChannelError
from secgraph.rules.effects import AS_JSON, AS_URL, SEALED
from secgraph.rules.fields import Json

Writing = Callable[[str], str]


def names(value: Json) -> frozenset[str]:
    """Give the names of the secret parameters that a value needs. Raises ChannelError, final, for a place of
    no known form."""
    return frozenset(name for place in _places(value) for name, write in _parts(place) if write)


def filled(value: Json, secrets: Callable[[str], str]) -> Json:
    """Put the secrets in. Raises ChannelError, and what `secrets` raises."""
    if _is_sealed(value):
        return "".join(write(secrets(text)) if write else text for text, write in _parts(value))
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
    for text, write in _parts(value):
        if write:
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


def _parts(place: dict[str, Json]) -> Iterator[tuple[str, Writing | None]]:
    """Give the texts of a place in order, each that is the name of a secret with how that is written."""
    parts = place[SEALED]
    for part in parts if isinstance(parts, list) else [None]:
        if isinstance(part, str):
            yield part, None
            continue
        name, form = (part.get("param"), part.get("as", "")) if isinstance(part, dict) else (None, "")
        if not isinstance(name, str) or not isinstance(form, str) or form not in _WRITINGS:
            raise ChannelError("a place for a secret is not of the form that rules write", final=True)
        yield name, _WRITINGS[form]


def _as_it_is(secret: str) -> str:
    return secret


def _in_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]


def _in_url(secret: str) -> str:
    """Encode all but what stands in any part of an address as itself: a secret may be several of a path."""
    return quote(secret, safe="/:")


_WRITINGS: Final[Mapping[str, Writing]] = {"": _as_it_is, AS_JSON: _in_json, AS_URL: _in_url}
