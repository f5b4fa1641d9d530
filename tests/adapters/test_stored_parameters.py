"""Stored parameters: what Parameter Store, Secrets Manager and a file hold, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from secgraph.adapters.parameters import ParameterStore
from secgraph.adapters.secrets import Secrets
from secgraph.errors import ChannelError, SettingsError, StoreUnavailable
from secgraph.j1ql.server.parameters import Secret
from secgraph.j1ql.server.stored import StoredParameters, parameters_of

PATH = "/secgraph/secgraph/param"


@pytest.fixture
def ssm(aws: None):
    return boto3.client("ssm")


def stored(ssm, *, secrets: bool = True) -> StoredParameters:
    return StoredParameters(ParameterStore(ssm, PATH, secrets=secrets).read)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("String", "111122223333", "111122223333"),
        ("String", "json:7.5", 7.5),
        ("String", "json:true", True),
        ("String", 'json:["a", 7]', ["a", 7]),
        ("String", 'json:"json:7"', "json:7"),
        ("StringList", "a,b c", ["a", "b c"]),
        ("SecureString", "hunter2", Secret("hunter2")),
        ("SecureString", 'json:["hunter2"]', Secret(["hunter2"])),
    ],
)
def test_a_parameter_has_the_value_that_its_type_and_text_say(ssm, type_, text, value):
    ssm.put_parameter(Name=f"{PATH}/Own", Type=type_, Value=text)
    held = stored(ssm)
    assert dict(held) == {"Own": value}
    assert type(held["Own"]) is type(value)


def test_all_pages_are_read_and_nothing_beside_or_below(ssm):
    names = [f"P{number}" for number in range(23)]
    for path in (*(f"{PATH}/{name}" for name in names), f"{PATH}/deeper/x", "/secgraph/other/param/y"):
        ssm.put_parameter(Name=path, Type="String", Value="v")
    assert sorted(stored(ssm)) == sorted(names)


@pytest.mark.parametrize("text", ["json:{hunter2", "json:{}", "json:null", "json:[[1]]", "json:1e999"])
def test_one_that_cannot_be_used_fails_who_asks_for_it_and_is_not_quoted(ssm, text):
    for name, value in {"Broken": text, "Whole": "v"}.items():
        ssm.put_parameter(Name=f"{PATH}/{name}", Type="SecureString", Value=value)
    held = stored(ssm)
    assert held["Whole"] == Secret("v")
    with pytest.raises(SettingsError, match=r"^param\.Broken: what follows json: is not ") as caught:
        held["Broken"]
    assert "hunter2" not in f"{caught.value} {held!r}"
    with pytest.raises(KeyError):
        held["Absent"]


def test_who_may_not_have_secrets_never_asks_for_their_values(aws: None):
    client = boto3.client("ssm")
    with Stubber(client) as answers:
        listed = [
            {"Name": f"{PATH}/Token", "Type": "SecureString", "Value": "AQICAHh…"},
            {"Name": f"{PATH}/Owner", "Type": "String", "Value": "team-shop"},
        ]
        asked = {"Path": PATH, "Recursive": False, "WithDecryption": False, "MaxResults": 10}
        answers.add_response("get_parameters_by_path", {"Parameters": listed}, asked)
        held = stored(client, secrets=False)
        assert held["Owner"] == "team-shop"
        with pytest.raises(SettingsError, match=r"param\.Token: this is a secret, which rules may use"):
            held["Token"]


def test_a_store_that_fails_is_asked_once(aws: None):
    client = boto3.client("ssm")
    with Stubber(client) as answers:
        answers.add_client_error("get_parameters_by_path", "AccessDeniedException")
        held = stored(client)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=r"under /secgraph/secgraph/param cannot be .*Acc"):
                held["Owner"]


def test_nothing_is_read_before_it_is_asked_for():
    assert repr(StoredParameters(lambda: pytest.fail("read"))) == "StoredParameters(…)"


# ── a file ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_names_the_variables_of_its_secrets():
    text = '{"version": 1, "parameters": {"Ports": [22, 3389]}, "secrets": {"Token": "TOKEN"}}'
    found = parameters_of(text, "own.json", {"TOKEN": "hunter2"})
    assert found == {"Ports": [22, 3389], "Token": Secret("hunter2")}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "own.json:1:2: not JSON"),
        ("[]", 'own.json: expected {"version": 1'),
        ('{"version": true}', 'own.json: expected {"version": 1'),
        ('{"version": 1, "param": {}}', "own.json: param: unknown field"),
        ('{"version": 1, "parameters": []}', "own.json: parameters: expected"),
        ('{"version": 1, "parameters": {"a": 1, "a": 2}}', "own.json: 'a' stands there twice"),
        ('{"version": 1, "parameters": {"a": null}}', "own.json: parameters.a: expected a text"),
        ('{"version": 1, "parameters": {"a": {"b": 1}}}', "own.json: parameters.a: expected a text"),
        ('{"version": 1, "secrets": {"a": "hunter2"}}', "own.json: secrets.a: there is no such env"),
        ('{"version": 1, "secrets": {"a": "BROKEN"}}', "own.json: secrets.a: what follows json: is not"),
        ('{"version": 1, "parameters": {"a": 1}, "secrets": {"a": "T"}}', "own.json: a is both"),
    ],
)
def test_a_wrong_file_says_where_and_quotes_no_secret(text, says):
    with pytest.raises(SettingsError) as caught:
        parameters_of(text, "own.json", {"BROKEN": "json:hunter2", "T": "t"})
    assert str(caught.value).startswith(says)
    assert "hunter2" not in str(caught.value)


# ── the secrets of channels ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def secrets_manager(aws: None) -> Iterator[tuple[Stubber, Secrets, list[float]]]:
    client, seconds = boto3.client("secretsmanager"), [0.0]
    with Stubber(client) as answers:
        yield answers, Secrets(client, lambda: seconds[0]), seconds


ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf"


def test_a_secret_is_kept_for_minutes_and_then_read_again(secrets_manager):
    answers, secrets, seconds = secrets_manager
    for text in ("hunter2\n", "hunter3"):
        answers.add_response("get_secret_value", {"ARN": ARN, "SecretString": text}, {"SecretId": ARN})
    told = []
    for moment in (0.0, 299.0, 300.0, 301.0):
        seconds[0] = moment
        told.append(secrets.text(ARN))
    assert told == ["hunter2", "hunter2", "hunter3", "hunter3"]
    answers.assert_no_pending_responses()
    assert "hunter" not in repr(secrets)


def test_a_secret_that_is_not_there_or_holds_no_text_is_the_channel_s_error(secrets_manager):
    answers, secrets, _ = secrets_manager
    answers.add_client_error("get_secret_value", "ResourceNotFoundException")
    answers.add_response("get_secret_value", {"ARN": ARN, "SecretBinary": b"hunter2"}, {"SecretId": ARN})
    for says in ("cannot be read: .*ResourceNotFound", "holds no text"):
        with pytest.raises(ChannelError, match=f"^the secret {ARN} {says}") as caught:
            secrets.text(ARN)
        assert "hunter2" not in str(caught.value)
