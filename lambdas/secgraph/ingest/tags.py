"""AWS tags in any of their four shapes → `tag.*` properties, `tags`, and the top-level copies.

`[{Key,Value}]`, `[{key,value}]`, `[{TagKey,TagValue}]` and `{key: value}`. A key is kept as AWS has it, also
with characters that J1QL only reads in brackets (`[tag.cost/center]`); AWS's own `aws:*` are left out.
"""

from __future__ import annotations

import re
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Scalar, Value
from secgraph.ingest.body import Body, kind_of
from secgraph.ingest.values import LARGEST, facts, text

_DIGITS: Final = re.compile("[0-9]{1,16}")
_DECIMAL: Final = re.compile(r"[0-9]{0,10}\.[0-9]{1,10}")
_COPIED: Final = ("classification", "owner", "email")
_SPELLINGS: Final = (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"))
_KEY_LIMIT: Final = 256


def tag_properties(holder: Body, name: str = "tags") -> dict[str, Value]:
    """Read the tags in a field: `tag.*`, `tags` (keys whose value is true or empty), `displayName` from
    the tag Name, and lower-cased `classification`, `owner` and `email` (data-model a.3).

    Raises EventError if the field holds none of the four shapes.
    """
    tags = _pairs(holder, name)
    if not tags:
        return {}
    values = {key: _value(held) for key, held in tags.items()}
    properties: dict[str, Value] = {f"tag.{key}": value for key, value in values.items()}
    bare = [key for key, value in values.items() if value is True or value == ""]
    for key in reversed(tags):
        held = str(tags[key])
        if key.lower() in _COPIED and held:
            properties[key.lower()] = text(held.lower())
        if key.lower() == "name" and held:
            properties["displayName"] = text(held)
    return properties | facts(tags=bare)


def only_tags(properties: dict[str, Value]) -> dict[str, Value]:
    """Keep the `tag.*` of a resource, the convenience copy that its finding carries."""
    return {name: value for name, value in properties.items() if name.startswith("tag.")}


def named(properties: dict[str, Value]) -> dict[str, Value]:
    """Let the tag Name also be the `name`, for a thing to which its provider gives none."""
    return properties | ({"name": properties["displayName"]} if "displayName" in properties else {})


def _pairs(holder: Body, name: str) -> dict[str, Scalar]:
    """Give the tags by key, sorted, without AWS's own."""
    held = holder.held.get(name)
    if held is None or held == "":
        return {}
    if isinstance(held, list):
        pairs = dict(pair for body in holder.bodies(name) if (pair := _pair(body)))
    else:
        body = holder.body(name)
        pairs = {key: _raw(body, key) for key in body.held}
    return {key: pairs[key] for key in sorted(pairs) if _wanted(key)}


def _pair(body: Body) -> tuple[str, Scalar] | None:
    for key_name, value_name in _SPELLINGS:
        if key := body.text(key_name):
            return key, _raw(body, value_name)
    return None


def _raw(body: Body, name: str) -> Scalar:
    held = body.held.get(name)
    if held is None:
        return ""
    if isinstance(held, str | bool):
        return held
    number = body.number(name) if isinstance(held, int | float) else None
    if number is None:
        raise EventError(f"expected the text of a tag, got {kind_of(held)}", body.at(name))
    return number


def _wanted(key: str) -> bool:
    return 0 < len(key) <= _KEY_LIMIT and not key.startswith("aws:") and text(key) == key


def _value(held: Scalar) -> Scalar:
    """Turn `true`/`false` in any case, digits and decimals into what they say; the rest stays text."""
    if not isinstance(held, str):
        return held
    if held.lower() in ("true", "false"):
        return held.lower() == "true"
    if _DIGITS.fullmatch(held) and int(held) <= LARGEST:
        return int(held)
    if _DECIMAL.fullmatch(held):
        decimal = float(held)
        return int(decimal) if decimal.is_integer() else decimal
    return text(held)
