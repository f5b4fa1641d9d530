"""BatchExecuteStatement of DynamoDB for moto, whose own refuses parameters and would check no condition.

It knows the two kinds of statements that the graph table is written with:

    INSERT INTO "table" VALUE {'a': ?, …}
    UPDATE "table" SET "a" = ? … REMOVE "c" WHERE "key" = ? AND "b" = ?

It answers as AWS does: the store suite runs on the genuine DynamoDB Local too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final

_INSERT: Final = re.compile(r"INSERT INTO \"([^\"]+)\" VALUE \{((?:'\w+': \?(?:, )?)+)\}")
_UPDATE: Final = re.compile(
    r'UPDATE "([^"]+)" ((?:SET "\w+" = \? )+)(?:REMOVE "(\w+)" )?WHERE "(\w+)" = \? AND "(\w+)" = \?'
)
_ONE_BY_ONE: Final = Lock()

_Response = dict[str, Any]


def batch_execute_statement(backend: Any, statements: Sequence[Mapping[str, Any]]) -> list[_Response]:
    """Stand in for the method of moto's DynamoDB backend."""
    with _ONE_BY_ONE:
        return [_execute(backend, each["Statement"], each["Parameters"]) for each in statements]


def _execute(backend: Any, statement: str, parameters: list[Any]) -> _Response:
    insert, update = _INSERT.fullmatch(statement), _UPDATE.fullmatch(statement)
    read = insert or update
    assert read, f"tests/moto_partiql.py does not know this statement: {statement}"
    if read[1] not in backend.tables:
        return _error("ResourceNotFound", "Requested resource not found")
    if insert:
        return _insert(backend, insert[1], dict(zip(re.findall(r"\w+", insert[2]), parameters, strict=True)))
    changed = re.findall(r'"(\w+)"', read[2])
    *values, key, expected = parameters
    changes = dict(zip(changed, values, strict=True)) | ({read[3]: None} if read[3] else {})
    return _update(backend, read[1], {read[4]: key}, {read[5]: expected}, changes)


def _insert(backend: Any, table: str, item: dict[str, Any]) -> _Response:
    (key,) = backend.get_table(table).table_key_attrs
    if backend.get_item(table, {key: item[key]}):
        return _error("DuplicateItem", "Duplicate primary key exists in table")
    backend.put_item(table, item, overwrite=True)
    return {"TableName": table}


def _update(
    backend: Any, table: str, key: dict[str, Any], expected: dict[str, Any], changes: dict[str, Any]
) -> _Response:
    """Carry the changes out; one to None takes the attribute away, if it is there."""
    found = backend.get_item(table, key)
    held = found.to_json()["Attributes"] if found else {}
    if not expected.items() <= held.items():
        return _error("ConditionalCheckFailed", "The conditional request failed")
    after = {name: value for name, value in {**held, **changes}.items() if value is not None}
    backend.put_item(table, after, overwrite=True)
    return {"TableName": table}


def _error(code: str, message: str) -> _Response:
    return {"Error": {"Code": code, "Message": message}}
