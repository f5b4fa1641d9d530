"""Rendering actions: an action and what its templates see in, the effect out; of rows the ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.rules.actions import Effective, Publish, SlackMessage, Webhook
from secgraph.rules.effects import SEALED, Effect
from secgraph.rules.escaping import Place, header, json_text, plain_text, slack, url
from secgraph.rules.expressions.budget import EvaluationError
from secgraph.rules.expressions.evaluate import Scope
from secgraph.rules.expressions.nodes import Template
from secgraph.rules.fields import Json
from secgraph.rules.rule import Level
from secgraph.rules.template import Shape, filled, has_secret, json_of, open_text, rendered, value_of

MAX_ENTITIES: Final = 10_000
"""Entities that one action tags: as many as rows of a query that a rule looks at."""
_CHANNEL: Final = re.compile(r"#[^\s#@<>&,]{1,80}")


def effect_of(action: Effective, scope: Scope, place: str) -> Effect:
    """Render an action that sends something. Raises EvaluationError."""
    match action:
        case Publish():
            return Effect(action.kind, _address(action, scope), _open(filled(action.data, scope)), place)
        case SlackMessage():
            return Effect("slack", _slack_target(action, scope), _slack_payload(action, scope), place)
        case Webhook():
            target = _endpoint(action.endpoint, scope, "endpoint")
            return Effect("webhook", target, _request(action, scope), place)


# ── topics and queues ─────────────────────────────────────────────────────────────────────────────────


def _address(action: Publish, scope: Scope) -> str:
    if action.kind == "sns":
        return _begins("topicArn", open_text(rendered(action.target, scope, plain_text)), "arn:")
    return _begins("queueUrl", open_text(rendered(action.target, scope, url)), "https://")


def _begins(name: str, text: str, start: str) -> str:
    if not text.startswith(start):
        raise EvaluationError(f"{name} came to {text[:100]!r}, which does not begin with {start}")
    return text


def _open(found: Json) -> Json:
    if has_secret(found):
        raise EvaluationError(
            "holds a secret parameter, and a message may not; only a WEBHOOK takes one in its body"
        )
    return found


# ── Slack ─────────────────────────────────────────────────────────────────────────────────────────────


def _slack_target(action: SlackMessage, scope: Scope) -> Json:
    return None if action.webhook is None else _endpoint(action.webhook, scope, "webhookUrl")


def _slack_payload(action: SlackMessage, scope: Scope) -> Json:
    level = scope.names.get("alertLevel")
    if action.severity is not None:
        level = open_text(rendered(action.severity, scope, plain_text)).strip().upper()
    channels: list[Json] = [name for each in action.channels for name in _channels(each, scope)]
    return {
        "channels": channels,
        "text": open_text(rendered(action.body, scope, slack)),
        "severity": str(level) if level in Level.__members__ else "",
    }


def _channels(template: Template, scope: Scope) -> Iterator[str]:
    """Give the names of channels; a template may yield one or a list of them."""
    found = json_of(value_of(template, scope), scope)
    for name in found if isinstance(found, list) else [found]:
        text = open_text(name)
        if not _CHANNEL.fullmatch(text):
            raise EvaluationError(f"a channel came to {text[:100]!r}; write #name")
        yield text


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────


def _endpoint(template: Template, scope: Scope, name: str) -> Json:
    """Give an https URL whose host the author or a parameter wrote; a secret may be part or all of it."""
    found = rendered(template, scope, url)
    if isinstance(found, str):
        return _begins(name, found, "https://")
    parts = found[SEALED] if isinstance(found, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    if isinstance(first, str):
        _begins(name, first, "https://")
    return found


def _request(action: Webhook, scope: Scope) -> Json:
    headers: dict[str, Json] = {name: rendered(text, scope, header) for name, text in action.headers.items()}
    return {"method": action.method, "headers": headers, "body": _body(action.body, scope)}


def _body(body: Shape, scope: Scope) -> Json:
    if not isinstance(body, Template) or body.single is not None:
        return filled(body, scope)
    return rendered(body, scope, _place_of(body))


def _place_of(body: Template) -> Place:
    """Tell a JSON document that a template spells out from any other text."""
    first = body.parts[0] if body.parts else ""
    spelled = isinstance(first, str) and first.lstrip().startswith(("{", "["))
    return json_text if spelled else plain_text


# ── entities ──────────────────────────────────────────────────────────────────────────────────────────


def entities_of(found: object, scope: Scope) -> tuple[str, ...]:
    """Give the `_id`s of the entities in rows, each once: of an item its own, of a table row those of its
    aliases; an id alone counts too. Raises EvaluationError for what is none of these."""
    rows = found if isinstance(found, list | tuple) else [] if found is None else [found]
    scope.budget.elements(len(rows))
    ids = list(dict.fromkeys(each for row in rows for each in _ids(row)))
    if len(ids) > MAX_ENTITIES:
        raise EvaluationError(f"names {len(ids)} entities; at most {MAX_ENTITIES} are tagged at once")
    return tuple(ids)


def _ids(row: object) -> Iterator[str]:
    match row:
        case str():
            yield str(row)
        case {"_meta": {"byAlias": Mapping() as aliases}}:
            yield from (
                str(bound["id"])
                for bound in aliases.values()
                if isinstance(bound, Mapping) and "id" in bound and "relationship" not in bound
            )
        case {"id": str(id_)} | {"_id": str(id_)}:
            yield id_
        case _:
            raise EvaluationError("yields what is no row; give the rows of a query, {{queries.query0.data}}")
