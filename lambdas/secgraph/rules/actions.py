"""The actions of rules as values. In: nothing. Out: what each action is, its texts read as templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final

from secgraph.rules.expressions.nodes import Expr, Template
from secgraph.rules.fields import Json
from secgraph.rules.template import Shape

Scalar = str | int | float | bool
RESERVED_HEADERS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "secgraph-id",
        "secgraph-signature",
        "secgraph-timestamp",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers, in lower case, that say how a request is carried, which one it is or who sent it: no WEBHOOK may
write them."""


@dataclass(frozen=True, slots=True)
class SetProperty:
    """SET_PROPERTY: adds a value to the evaluation input; `alertLevel` sets the alert's level."""

    type: ClassVar[str] = "SET_PROPERTY"
    target: str
    value: Scalar | Template


@dataclass(frozen=True, slots=True)
class CreateAlert:
    """CREATE_ALERT: opens or updates the rule's alert."""

    type: ClassVar[str] = "CREATE_ALERT"


@dataclass(frozen=True, slots=True)
class Publish:
    """PUBLISH_SNS_MESSAGE (`kind` sns, `target` the ARN of a topic) and SEND_SQS_MESSAGE (sqs, the URL of a
    queue)."""

    kind: str
    target: Template
    data: Shape

    @property
    def type(self) -> str:
        """Give the name of the action in the format."""
        return "PUBLISH_SNS_MESSAGE" if self.kind == "sns" else "SEND_SQS_MESSAGE"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """SEND_SLACK_MESSAGE. Without `webhook` the deployment's own is meant; without `severity` the level is
    that of the alert."""

    type: ClassVar[str] = "SEND_SLACK_MESSAGE"
    channels: tuple[Template, ...]
    body: Template
    webhook: Template | None = None
    severity: Template | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """WEBHOOK: an https request. A `body` that is a Template may be a text of any kind."""

    type: ClassVar[str] = "WEBHOOK"
    endpoint: Template
    method: str = "POST"
    headers: Mapping[str, Template] = field(default_factory=lambda: MappingProxyType({}))
    body: Shape = None


@dataclass(frozen=True, slots=True)
class TagEntities:
    """TAG_ENTITIES: sets `tag.<name>` on the entities of the rows that `entities` yields."""

    type: ClassVar[str] = "TAG_ENTITIES"
    entities: Template
    tags: tuple[tuple[str, Scalar | Template], ...]


@dataclass(frozen=True, slots=True)
class AskQuery:
    """JUPITERONE_QUERY: binds `queries.<name>`. `holes` are the values of the query's placeholders."""

    type: ClassVar[str] = "JUPITERONE_QUERY"
    name: str
    query: str
    holes: Mapping[str, Expr]


@dataclass(frozen=True, slots=True)
class ForEachItem:
    """FOR_EACH_ITEM: runs its actions once for each of `items`, which they see as `item_ref`."""

    type: ClassVar[str] = "FOR_EACH_ITEM"
    items: Template
    item_ref: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class OtherAction:
    """An action that this version does not run; `reason` names it and says so. `fields` are kept."""

    type: str
    reason: str
    fields: Mapping[str, Json]


Effective = Publish | SlackMessage | Webhook
"""What sends something outside."""
Action = SetProperty | CreateAlert | Effective | TagEntities | AskQuery | ForEachItem | OtherAction


def each(actions: tuple[Action, ...]) -> Iterator[Action]:
    """Give the actions and those inside them."""
    for action in actions:
        yield action
        if isinstance(action, ForEachItem):
            yield from each(action.actions)


def expressions(action: Action) -> Iterator[Expr]:
    """Give the expressions of one action, those of actions inside it left out."""
    match action:
        case SetProperty(_, value):
            yield from inside(value)
        case Publish(_, target, data):
            yield from inside((target, data))
        case SlackMessage(channels, body, webhook, severity):
            yield from inside((*channels, body, webhook, severity))
        case Webhook(endpoint, _, headers, body):
            yield from inside((endpoint, headers, body))
        case TagEntities(entities, tags):
            yield from inside(entities)
            for _, tag in tags:
                yield from inside(tag)
        case AskQuery(_, _, holes):
            yield from holes.values()
        case ForEachItem(items, _, _):
            yield from inside(items)


def inside(shape: Shape | str) -> Iterator[Expr]:
    """Give the expressions of JSON whose strings are templates."""
    match shape:
        case Template(parts):
            yield from (part for part in parts if not isinstance(part, str))
        case tuple():
            for item in shape:
                yield from inside(item)
        case Mapping():
            for item in shape.values():
                yield from inside(item)
