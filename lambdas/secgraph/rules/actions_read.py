"""Reading actions: the JSON of an action in, the action as a value out; problems are noted in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from secgraph.errors import QueryError
from secgraph.j1ql import parse as parse_query
from secgraph.j1ql.holes.placeholders import holes
from secgraph.j1ql.holes.template import Template as SavedQuery
from secgraph.rules.actions import (
    RESERVED_HEADERS,
    Action,
    AskQuery,
    CreateAlert,
    ForEachItem,
    OtherAction,
    Publish,
    SetProperty,
    SlackMessage,
    TagEntities,
    Webhook,
)
from secgraph.rules.expressions import parse
from secgraph.rules.expressions.lexer import ExpressionError
from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.fields import Fields, shown
from secgraph.rules.rule import Level
from secgraph.rules.template import Shape
from secgraph.rules.texts_read import MAX_TEXT, Known, check, scalar, shape, template, template_of

MAX_ACTIONS: Final = 50
MAX_NAME: Final = 255
MAX_TAGS: Final = 20
MAX_NESTED: Final = 3
"""Deepest nesting of FOR_EACH_ITEM."""
METHODS: Final = ("POST", "PUT", "PATCH", "GET", "DELETE")
LATER_ACTIONS: Final = ("SEND_EMAIL", "CREATE_JIRA_TICKET")
"""Actions of the format that are kept, named in reports, and not run in this version."""
RESERVED: Final = frozenset({"queries", "param", "alertLevel", "true", "false", "null", "in"})
"""Names that no item can have."""
IGNORED: Final = ("id", "integrationInstanceId")
"""Fields of any action that have no meaning here: credentials are the deployment's own."""
_EMPTY: Final = Template(())
_ITEM_REF: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?([/?#]|\Z)|\{\{\s*param[.\[]")


def actions(fields: Fields, known: Known, depth: int = 0) -> tuple[Action, ...]:
    """Read the `actions` of an operation, or of a FOR_EACH_ITEM that stands `depth` deep."""
    raw = fields.objects("actions", limit=MAX_ACTIONS)
    if not fields.raw.get("actions"):
        fields.problem("actions", 'holds no action; write [{"type": "CREATE_ALERT"}]')
    asked = [each.raw.get("name") for each in raw if each.raw.get("type") == "JUPITERONE_QUERY"]
    inner = known.with_queries(name for name in asked if isinstance(name, str)) if depth else known
    return tuple(_action(each, inner, depth) for each in raw)


def _action(fields: Fields, known: Known, depth: int) -> Action:
    type_ = fields.text("type", limit=MAX_NAME, required="name the action, such as CREATE_ALERT") or ""
    for name in IGNORED:
        fields.value(name)
    if type_ == "FOR_EACH_ITEM":
        found: Action = _for_each(fields, known, depth)
    elif type_ == "JUPITERONE_QUERY":
        found = _ask(fields, known, depth)
    elif type_ in _READERS:
        found = _READERS[type_](fields, known)
    else:
        does = "does not run in this version" if type_ in LATER_ACTIONS else "is not an action of the format"
        return OtherAction(type_, f"{fields.where}: the action {type_} {does}", fields.raw)
    known.warnings.extend(
        f"{fields.at(name)}: is not known to this version; kept and not used" for name in fields.rest()
    )
    return found


def _set_property(fields: Fields, known: Known) -> Action:
    target = fields.text("targetProperty", limit=MAX_NAME, required="name the property to set") or ""
    if target in ("queries", "param"):
        fields.problem("targetProperty", f"is {target}, which every rule has; choose another name")
    value = scalar(fields, "targetValue", known)
    plain = not isinstance(value, Template)
    if target == "alertLevel" and plain and fields.has("targetValue") and value not in Level.__members__:
        levels = ", ".join(level.name for level in reversed(Level))
        fields.problem("targetValue", f"is {shown(fields.raw['targetValue'])}; write one of {levels}")
    return SetProperty(target, value)


def _create_alert(_: Fields, __: Known) -> Action:
    return CreateAlert()


def _publish(fields: Fields, known: Known) -> Action:
    target = template(fields, "topicArn", known, required="write the ARN of an SNS topic")
    return Publish("sns", target or _EMPTY, _data(fields, known))


def _send(fields: Fields, known: Known) -> Action:
    target = template(fields, "queueUrl", known, required="write the URL of an SQS queue")
    return Publish("sqs", target or _EMPTY, _data(fields, known))


def _data(fields: Fields, known: Known) -> Shape:
    if not fields.has("data"):
        fields.problem("data", "is missing; write what the message says, any JSON")
    return shape(fields, "data", known)


def _slack(fields: Fields, known: Known) -> Action:
    body = template(fields, "body", known, required="write the text of the message")
    return SlackMessage(
        channels=_channels(fields, known),
        body=body or _EMPTY,
        webhook=template(fields, "webhookUrl", known),
        severity=template(fields, "severity", known),
    )


def _channels(fields: Fields, known: Known) -> tuple[Template, ...]:
    raw = fields.value("channels")
    if isinstance(raw, str):
        found = [("channels", raw)]
    else:
        names = fields.texts("channels", limit=MAX_TAGS)
        found = [(f"channels[{index}]", text) for index, text in enumerate(names)]
    for name, text in found:
        if not text.startswith("#") and "{{" not in text:
            fields.problem(
                name, f"is {shown(text)}; write #{text.lstrip('@') or 'name'}, the name of a channel"
            )
    read = [template_of(text, fields, name, known) for name, text in found]
    return tuple(each for each in read if each is not None)


def _webhook(fields: Fields, known: Known) -> Action:
    name = "url" if fields.has("url") else "endpoint"
    if fields.has("url") and fields.has("endpoint"):
        fields.problem("url", "stands beside endpoint; keep one of the two")
    fields.value("endpoint")
    text = fields.text(name, limit=MAX_TEXT, required="write the https URL to send to")
    if text and not _HOST.match(text):
        fields.problem(
            name, f"is {shown(text)}; begin with https:// and a host written out, or with {{{{param.Name}}}}"
        )
    method = fields.choice("method", METHODS, METHODS[0])
    if method == "GET" and fields.has("body"):
        fields.problem("body", "stands beside the method GET, which carries none; take it out or write POST")
    return Webhook(
        endpoint=(text and template_of(text, fields, name, known)) or _EMPTY,
        method=method,
        headers=_headers(fields, known),
        body=shape(fields, "body", known),
    )


def _headers(fields: Fields, known: Known) -> Mapping[str, Template]:
    found = {}
    for name, text in fields.pairs("headers").items():
        if not _HEADER.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            fields.problem("headers", f"holds {shown(name)}, which cannot be set; take it out")
        held = template_of(text, fields, f"headers.{name}", known)
        if held is not None:
            found[name] = held
    return MappingProxyType(found)


def _tag(fields: Fields, known: Known) -> Action:
    required = "write a template that gives rows, such as {{queries.query0.data}}"
    entities = template(fields, "entities", known, required=required)
    if entities is not None and entities.single is None:
        fields.problem("entities", f"is a text; {required}")
    tags = fields.objects("tags", limit=MAX_TAGS)
    if not tags:
        fields.problem("tags", 'holds no tag; write [{"name": …, "value": …}]')
    read = [
        (each.text("name", limit=MAX_NAME, required="name the tag") or "", scalar(each, "value", known))
        for each in tags
    ]
    return TagEntities(entities or _EMPTY, tuple(read))


def _for_each(fields: Fields, known: Known, depth: int) -> Action:
    required = "write a template that gives a list, such as {{queries.query0.data}}"
    items = template(fields, "items", known, required=required)
    if items is not None and items.single is None:
        fields.problem("items", f"is a text; {required}")
    item_ref = fields.text("itemRef", limit=MAX_NAME) or "item"
    if not _ITEM_REF.fullmatch(item_ref) or item_ref in RESERVED:
        fields.problem("itemRef", f"is {shown(item_ref)}; write a name such as item")
    if depth >= MAX_NESTED:
        fields.problem("type", f"is FOR_EACH_ITEM more than {MAX_NESTED} deep; write it flatter")
        return ForEachItem(_EMPTY, item_ref, ())
    return ForEachItem(items or _EMPTY, item_ref, actions(fields, known, depth + 1))


def _ask(fields: Fields, known: Known, depth: int) -> Action:
    if not depth:
        fields.problem("type", "is JUPITERONE_QUERY outside of FOR_EACH_ITEM; put it into the actions of one")
    name = fields.text("name", limit=MAX_NAME, required="name the query, as in queries.NAME.data") or ""
    text = fields.text("query", limit=MAX_TEXT, required="write a J1QL query") or ""
    fields.value("version")
    return AskQuery(name, text, _holes(fields, text, known))


def _holes(fields: Fields, text: str, known: Known) -> Mapping[str, Expr]:
    """Read what stands in the placeholders of a query as expressions, and the query around them."""
    found: dict[str, Expr] = {}
    written = holes(text)
    for hole in written:
        where = f"line {hole.at.line}, column {hole.at.column}, {{{{{hole.name}}}}}"
        try:
            found[hole.name] = parse(hole.name)
        except ExpressionError as error:
            fields.problem("query", f"{where}: {error}")
        else:
            check(found[hole.name], fields, "query", known)
    broken = SavedQuery.of(text).error if written else _error(text)
    if broken is not None and text:
        fields.problem("query", f"line {broken.at.line}, column {broken.at.column}: {broken.message}")
    return MappingProxyType(found)


def _error(text: str) -> QueryError | None:
    try:
        parse_query(text)
    except QueryError as error:
        return error
    return None


_READERS: Final[Mapping[str, Callable[[Fields, Known], Action]]] = {
    "SET_PROPERTY": _set_property,
    "CREATE_ALERT": _create_alert,
    "PUBLISH_SNS_MESSAGE": _publish,
    "SEND_SQS_MESSAGE": _send,
    "SEND_SLACK_MESSAGE": _slack,
    "WEBHOOK": _webhook,
    "TAG_ENTITIES": _tag,
}
ACTIONS: Final = (*_READERS, "FOR_EACH_ITEM", "JUPITERONE_QUERY")
