"""Item → the PartiQL statement that writes it to the graph table, on the condition that nobody was faster.

Each statement succeeds or fails by itself: 25 of them go to a request of BatchExecuteStatement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secgraph.adapters.dynamodb_items import ATTRIBUTES, attributes_of
from secgraph.contract import GRAPH_TABLE_KEY, OPEN_INDEX_KEY
from secgraph.graph.model import Item
from secgraph.graph.open_set import SOURCES, open_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, BatchStatementRequestTypeDef

_SET: Final = ("rev", "v", "body", "packed")
"""What changes of an item; the rest follows from which thing it is, but for the key of the index."""


class Statements:
    """The statements of one table; their texts are few, and written once."""

    def __init__(self, table: str) -> None:
        """Write the texts."""
        self._insert = _insert(table, ATTRIBUTES)
        self._insert_open = _insert(table, (*ATTRIBUTES, OPEN_INDEX_KEY))
        self._update = _update(table, _SET)
        self._update_open = _update(table, (*_SET, OPEN_INDEX_KEY))
        # Of an attribute that is not there it changes nothing, as of a finding that was closed before.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
        self._update_closed = _update(table, _SET, remove=OPEN_INDEX_KEY)
        self._index = _update(table, (OPEN_INDEX_KEY,))

    def put(self, item: Item) -> BatchStatementRequestTypeDef:
        """Put an item only where none is (rev 1), or only over the `rev` before its own.

        The SDK repeats a request whose answer was lost. What was written then counts as lost to another
        writer; it is read again, and found to be as it was to become.
        """
        attributes = attributes_of(item)
        key = [OPEN_INDEX_KEY] if OPEN_INDEX_KEY in attributes else []
        if item.rev == 1:
            whole = [attributes[name] for name in (*ATTRIBUTES, *key)]
            return {"Statement": self._insert_open if key else self._insert, "Parameters": whole}
        changes = [attributes[name] for name in (*_SET, *key)]
        where = _where(item, item.rev - 1)
        return {"Statement": self._text(item, is_open=bool(key)), "Parameters": [*changes, *where]}

    def index(self, item: Item) -> BatchStatementRequestTypeDef:
        """Enter an open finding, as it is stored, into the index; its `rev` stays."""
        return {"Statement": self._index, "Parameters": [{"S": open_in(item)}, *_where(item, item.rev)]}

    def _text(self, item: Item, *, is_open: bool) -> str:
        if is_open:
            return self._update_open
        return self._update_closed if item.thing.type in SOURCES else self._update


def _where(item: Item, rev: int) -> list[AttributeValueTypeDef]:
    return [{"S": item.thing.id}, {"N": str(rev)}]


def _insert(table: str, names: tuple[str, ...]) -> str:
    values = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{values}}}'


def _update(table: str, names: tuple[str, ...], *, remove: str = "") -> str:
    changes = [f'SET "{name}" = ?' for name in names] + ([f'REMOVE "{remove}"'] if remove else [])
    return f'UPDATE "{table}" {" ".join(changes)} WHERE "{GRAPH_TABLE_KEY}" = ? AND "rev" = ?'
