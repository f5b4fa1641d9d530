"""Rendering actions: an action and what its templates see in, the effect out; of rows the ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.rules.actions import Effective, Publish, SlackMessage, Webhook
from secgraph.rules.effects import SEALED, Effect
from secgraph.rules.escaping import Place, Written, form, header, json_text, plain_text, slack, url
from secgraph.rules.expressions.budget import EvaluationError
from secgraph.rules.expressions.evaluate import Scope
from secgraph.rules.expressions.nodes import Template
from secgraph.rules.expressions.values import Own, Sealed, Text, pieces_of
from secgraph.rules.fields import Json
from secgraph.rules.rule import Level
from secgraph.rules.template import (
    Shape,
    filled,
    has_secret,
    json_of,
    open_text,
    placed,
    rendered,
    value_of,
    written_of,
)

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
    return {"method": action.method, "headers": headers, "body": _body(action.body, _content(headers), scope)}


def _content(headers: Mapping[str, Json]) -> str:
    """Give the type of the content as the rule's own headers say it, without its parameters."""
    said = [text for name, text in headers.items() if name.lower() == "content-type"]
    last = said[-1] if said else ""
    return last.partition(";")[0].strip().lower() if isinstance(last, str) else ""


def _body(body: Shape, content: str, scope: Scope) -> Json:
    """Give a body. A text in which the author wrote any of it is escaped for what it is, also one that an
    expression puts together; any other value of one expression is the whole body as it is."""
    if not isinstance(body, Template):
        return filled(body, scope)
    written = written_of(body, scope)
    if body.single is not None and not _authored(written[0][1]):
        return json_of(written[0][1], scope)
    unfolded = list(_unfolded(written, scope))
    return placed(unfolded, scope, _place_of(content, unfolded))


def _authored(value: object) -> bool:
    return isinstance(value, Text) and any(isinstance(piece, Own) for piece in value.pieces)


def _unfolded(written: Written, scope: Scope) -> Iterator[tuple[bool, object]]:
    """Put the pieces of a text that begins the body in its place: they may be what begins a document."""
    begun = False
    for is_own, value in written:
        if begun or not isinstance(value, Text):
            yield is_own, value
        else:
            for piece in pieces_of(value, scope.budget):
                yield isinstance(piece, Own), piece if isinstance(piece, Sealed) else piece.text
        begun = begun or not _blank(value)


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _place_of(content: str, written: Written) -> Place:
    """Tell what a body is: by the type that the rule gives it, else by how its author begins it."""
    if content.endswith("json"):
        return json_text
    if content == "application/x-www-form-urlencoded":
        return form
    is_own, first = next((part for part in written if not _blank(part[1])), (False, None))
    return json_text if is_own and str(first).lstrip().startswith(("{", "[")) else plain_text


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
