"""Parameters: where a value comes from, and that a secret shows nowhere."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from secgraph.errors import Position, QueryError
from secgraph.flows.ask import ask, explain
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.server.parameters import Known, Parameters, Secret
from secgraph.j1ql.server.settings import Server
from tests.j1ql.answers import CONFORMANCE, NOW

USER = "FIND User WITH username = ${param.who}"


@pytest.fixture(scope="module")
def reader(draw: Callable[..., GraphReader]) -> GraphReader:
    return draw(**CONFORMANCE["fixture"])


def found(reader: GraphReader, query: str, request: Parameters, stored: Parameters) -> list[str]:
    answer = ask(query, reader=reader, now=NOW, parameters=request, server=Server(stored=stored))
    return [item["id"] for item in answer["data"]]


@pytest.mark.parametrize(
    ("query", "request_", "stored", "users"),
    [
        (USER, {}, {"who": "bob"}, ["u2"]),
        (USER, {"who": "alice"}, {"who": "bob"}, ["u2"]),
        (USER, {"who": "alice"}, {"what": "bob"}, ["u1"]),
        (USER, {"param.who": "alice"}, {}, ["u1"]),
        ("FIND User WITH username = ${who}", {"who": "alice"}, {"who": "bob"}, ["u1"]),
        ("FIND User WITH username = ${who}", {"who": Secret(["alice", "bob"])}, {}, ["u1", "u2"]),
        ("FIND User WITH username != ${who}", {"who": Secret("alice")}, {}, ["u2", "u3"]),
        ("FIND User WITH active = ${who}", {"who": Secret(False)}, {}, ["u3"]),
        ("FIND aws_instance WITH cores > ${who}", {"who": Secret(6)}, {}, ["h1"]),
    ],
)
def test_where_a_value_comes_from(
    reader: GraphReader, query: str, request_: Parameters, stored: Parameters, users: list[str]
) -> None:
    assert found(reader, query, request_, stored) == users


def test_a_stored_value_is_no_variable_of_a_request(reader: GraphReader) -> None:
    with pytest.raises(QueryError, match="who is not defined") as caught:
        found(reader, "FIND User WITH username = ${who}", {"what": 1}, {"who": Secret("bob")})
    assert caught.value.suggestion == "param.who, what"


def test_a_request_cannot_set_a_stored_parameter(reader: GraphReader) -> None:
    with pytest.raises(QueryError, match=r"param\.who is stored on the server") as caught:
        found(reader, "FIND User", {"param.who": "alice"}, {"who": Secret("bob")})
    assert caught.value.code == "PARAM"


HIDDEN = "hunter2"
SECRETS = [
    (USER, HIDDEN),
    (USER, ["x", HIDDEN]),
    ("FIND User WITH username = ${param.who}", [f"{HIDDEN}{n}" for n in range(50)]),
    (f"FIND User WITH username = ('{HIDDEN}x' OR ${{param.who}}) AND username != '7'", HIDDEN),
    ("FIND User AS u WHERE u.username ~= ${param.who} RETURN u.username", HIDDEN),
    ("FIND User WITH email = (FIND Person WITH lastName = ${param.who} AS p RETURN p.email)", HIDDEN),
]


@pytest.mark.parametrize(("query", "value"), SECRETS)
def test_explain_shows_no_secret(reader: GraphReader, query: str, value: Any) -> None:
    plan = explain(query, reader=reader, now=NOW, parameters={"who": Secret(value)})
    assert "= (secret)" in plan
    assert HIDDEN not in plan.replace(f"{HIDDEN}x", "")
    assert HIDDEN in explain(query, reader=reader, now=NOW, parameters={"who": value}).replace(
        f"{HIDDEN}x", ""
    )


def test_a_value_equal_to_a_secret_is_shown_as_before(reader: GraphReader) -> None:
    query = f"FIND User WITH username = '{HIDDEN}' AND displayName = ${{who}} AND email = '{HIDDEN}'"
    plan = explain(query, reader=reader, now=NOW, parameters={"who": Secret(HIDDEN)})
    parameters = [line for line in plan.partition("\nparameters\n")[2].splitlines() if HIDDEN in line]
    assert len(parameters) == 1
    other = explain(query, reader=reader, now=NOW, parameters={"who": Secret("something else")})
    assert plan == other


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("FIND User WITH username > ${who}", True),
        ("FIND User WITH username ^= ${who}", 31337),
        ("FIND User WITH username ~= ${who}", None),
        ("FIND User WITH username = ${who}", {"a": HIDDEN}),
        ("FIND User WITH username = ${who}", f"{HIDDEN}\ud800"),
        ("FIND User WITH username = ${who}", [HIDDEN, [HIDDEN]]),
    ],
)
def test_an_error_quotes_no_secret(reader: GraphReader, query: str, value: Any) -> None:
    with pytest.raises(QueryError, match="The value of the secret parameter who does not fit") as caught:
        ask(query, reader=reader, now=NOW, parameters={"who": Secret(value)})
    error = caught.value
    assert error.at == Position(1, query.index("$") + 1, 6)
    shown = "".join(traceback.format_exception(error)) + error.suggestion + error.expected
    assert not [word for word in (HIDDEN, "31337", "true", "null") if word in shown.lower()]


def test_the_names_that_an_error_lists_are_all_it_tells(reader: GraphReader) -> None:
    with pytest.raises(QueryError) as caught:
        ask("FIND User WITH x = ${b}", reader=reader, now=NOW, parameters={"name": Secret(HIDDEN)})
    assert caught.value.suggestion == "name"


def test_a_cursor_tells_nothing_of_a_secret(reader: GraphReader) -> None:
    def cursor(value: Any) -> str:
        return str(
            ask(
                "FIND User WITH username != ${who}",
                reader=reader,
                now=NOW,
                parameters={"who": value},
                page_rows=1,
            )["cursor"]
        )

    assert cursor(Secret("1234")) == cursor(Secret("4321"))
    assert cursor("1234") != cursor("4321")
    token = json.loads(base64.urlsafe_b64decode(cursor(Secret("1234"))))
    assert set(token) == {"o", "n", "h"}


def test_nothing_that_holds_a_secret_prints_it() -> None:
    secret = Secret(HIDDEN)
    known = Known({"who": secret}, {"who": secret})
    assert HIDDEN not in f"{secret} {secret!r} {known} {Server(stored={'who': secret})} {[secret]}"
    with pytest.raises(TypeError):
        json.dumps({"who": secret})
