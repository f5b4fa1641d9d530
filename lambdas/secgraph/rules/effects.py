"""What the actions of a rule would do outside. In: rendered actions. Out: Effect and Tagging, values only.

A secret parameter never stands in an effect: its place is kept, and who sends the effect fills it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.rules.fields import Json

SEALED: Final = "$sealed"
"""The one name of an object that stands for a text with secrets: its value is an array of texts and of
objects {"param": NAME}, or {"param": NAME, "as": FORM} where the secret is not to stand as it is: as `json`
it is escaped for a JSON string, as `url` percent-encoded. No rendered value has an object of this form
otherwise."""
AS_JSON: Final = "json"
AS_URL: Final = "url"


@dataclass(frozen=True, slots=True)
class Effect:
    """One message or request that a rule's action asks for.

    kind     target                payload
    sns      ARN of a topic        any JSON value, published as {"data": …}
    sqs      URL of a queue        the same
    slack    URL of a webhook      {"channels": ["#name", …], "text": Slack markup, "severity": level or ""}
             or null: the deployment's own
    webhook  https URL             {"method": …, "headers": {…}, "body": any JSON value, or text}

    `target`, texts of `headers` and of `body` may be sealed. `place` says where in the rule the action stands
    (`operations[0].actions[2]`, and `item 3` of a FOR_EACH_ITEM): it is the same in each evaluation.
    """

    kind: str
    target: Json
    payload: Json
    place: str


@dataclass(frozen=True, slots=True)
class Tagging:
    """Tags that an action sets on entities, by their `_id`."""

    entities: tuple[str, ...]
    tags: Mapping[str, str | float | bool]
