"""GuardDuty and Inspector by their APIs. Stubber holds requests and answers against botocore's models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber

from secgraph.adapters.sources.aws import RENEWED_SECONDS, AwsSources
from secgraph.adapters.sources.guardduty import GuardDuty
from secgraph.adapters.sources.inspector import Inspector
from secgraph.errors import CursorExpired, SourceError
from secgraph.flows.ingest import Delivery, read
from secgraph.ingest.normalise import Ignored
from secgraph.sources.scope import GUARDDUTY, INSPECTOR, Reader, Scope
from secgraph.sources.standing import State

REGION = "eu-west-1"
HUB, SHOP = "111122223333", "444455556666"
DETECTOR = "d" * 32
ROLE = f"arn:aws:iam::{SHOP}:role/secgraph-reader"
NOW = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)


@pytest.fixture
def guardduty() -> tuple[GuardDuty, Stubber]:
    client = stubbed("guardduty")
    return GuardDuty(client, HUB, REGION), Stubber(client)


@pytest.fixture
def inspector() -> tuple[Inspector, Stubber]:
    client = stubbed("inspector2")
    return Inspector(client, HUB, REGION), Stubber(client)


def stubbed(service: str) -> Any:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client(service, region_name=REGION, **keys)  # type: ignore[call-overload]


def threat(id_: str, account: str = SHOP, *, archived: bool = False, region: str = REGION) -> dict[str, Any]:
    return {
        "AccountId": account,
        "Arn": f"arn:aws:guardduty:{region}:{account}:detector/{DETECTOR}/finding/{id_}",
        "CreatedAt": "2026-11-20T08:00:00.000Z",
        "Id": id_,
        "Region": region,
        "Resource": {"ResourceType": "Instance", "InstanceDetails": {"InstanceId": "i-0abc"}},
        "SchemaVersion": "2.0",
        "Service": {"Archived": archived, "Count": 1},
        "Severity": 8.0,
        "Type": "Recon:EC2/PortProbeUnprotectedPort",
        "UpdatedAt": "2026-11-20T08:15:00.000Z",
    }


def weakness(id_: str, status: str = "ACTIVE") -> dict[str, Any]:
    return {
        "awsAccountId": SHOP,
        "description": "d",
        "findingArn": f"arn:aws:inspector2:{REGION}:{SHOP}:finding/{id_}",
        "firstObservedAt": NOW,
        "lastObservedAt": NOW,
        "updatedAt": NOW,
        "remediation": {},
        "resources": [{"id": "i-0abc", "type": "AWS_EC2_INSTANCE"}],
        "severity": "HIGH",
        "status": status,
        "type": "PACKAGE_VULNERABILITY",
    }


def told(covered: Any) -> list[tuple[str, State, str, str]]:
    return [(each.scope.account, each.state, each.detector, each.reason) for each in covered]


# ── GuardDuty ─────────────────────────────────────────────────────────────────────────────────────────


def test_guardduty_that_is_not_enabled_is_off(guardduty):
    api, stub = guardduty
    with stub:
        stub.add_response("list_detectors", {"DetectorIds": []}, {"MaxResults": 50})
        assert told(api.covered()) == [(HUB, State.OFF, "", "GuardDuty is not enabled")]


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [("ENABLED", State.ON, ""), ("DISABLED", State.OFF, "GuardDuty is suspended")],
)
def test_an_administrator_sees_itself_and_its_members(guardduty, status, state, reason):
    api, stub = guardduty
    asked = {"DetectorId": DETECTOR, "MaxResults": 50, "OnlyAssociated": "true"}
    with stub:
        stub.add_response("list_detectors", {"DetectorIds": [DETECTOR]})
        stub.add_response("get_detector", {"Status": status, "ServiceRole": "r"}, {"DetectorId": DETECTOR})
        stub.add_response("list_members", {"Members": [member(SHOP, "Enabled")], "NextToken": "n"}, asked)
        rest = [member("777788889999", "Disabled"), member("777788880000", "Removed")]
        stub.add_response("list_members", {"Members": rest}, asked | {"NextToken": "n"})
        assert told(api.covered()) == [
            (HUB, state, DETECTOR, reason),
            (SHOP, State.ON, DETECTOR, ""),
            (
                "777788889999",
                State.OFF,
                DETECTOR,
                "GuardDuty of this member is suspended by its administrator",
            ),
            (
                "777788880000",
                State.UNREACHABLE,
                DETECTOR,
                "its relationship with its administrator is Removed",
            ),
        ]
        stub.assert_no_pending_responses()


def member(account: str, status: str) -> dict[str, str]:
    given = {"AccountId": account, "RelationshipStatus": status, "MasterId": HUB}
    return given | {"Email": "a@example.com", "UpdatedAt": "2026-11-20T08:15:00.000Z"}


def test_a_page_lists_what_is_not_archived_and_goes_on(guardduty):
    api, stub = guardduty
    asked = {
        "DetectorId": DETECTOR,
        "FindingCriteria": {
            "Criterion": {"accountId": {"Equals": [SHOP]}, "service.archived": {"Equals": ["false"]}}
        },
        "SortCriteria": {"AttributeName": "updatedAt", "OrderBy": "ASC"},
        "MaxResults": 50,
    }
    with stub:
        stub.add_response("list_findings", {"FindingIds": ["a", "b"], "NextToken": "n"}, asked)
        found = [threat("a"), threat("b", region="us-east-1"), threat("c", HUB)]
        stub.add_response(
            "get_findings", {"Findings": found}, {"DetectorId": DETECTOR, "FindingIds": ["a", "b"]}
        )
        stub.add_response("list_findings", {"FindingIds": [], "NextToken": ""}, asked | {"NextToken": "n"})
        page = api.page(Scope(GUARDDUTY, SHOP, REGION), DETECTOR, "")
        assert ([each.arn for each in page.findings], page.next) == ([threat("a")["Arn"]], "n")
        assert api.page(Scope(GUARDDUTY, SHOP, REGION), DETECTOR, "n").next == ""
        stub.assert_no_pending_responses()
    assert opened(page.findings[0].body) == (threat("a")["Arn"], True)


def test_what_is_asked_for_again_is_answered_archived_or_not_at_all(guardduty):
    api, stub = guardduty
    arns = [threat(id_)["Arn"] for id_ in ("a", "b", "gone", "no id")]
    arns += [arn.replace(DETECTOR, "e" * 32) for arn in arns[:2]]  # the same ids, of another detector
    with stub:
        found = [threat("a", archived=True), threat("b"), threat("other")]
        asked = {"DetectorId": DETECTOR, "FindingIds": ["a", "b", "gone"]}
        stub.add_response("get_findings", {"Findings": found}, asked)
        stub.add_response("list_members", {"Members": [member(SHOP, "Enabled")]})
        answered = api.again(arns, DETECTOR)
        assert {arn: each.is_open for arn, each in answered.items()} == {arns[0]: False, arns[1]: True}
        assert api.again(arns, "") == {}
    assert opened(answered[arns[0]].body) == (arns[0], False)


def opened(body: str) -> tuple[str, object]:
    """Read an answer as ingest does."""
    changes = read(Delivery("x", body, 1), test_source=False)
    assert not isinstance(changes, Ignored)
    return changes[0].thing.key, changes[0].observation.properties["open"]


# ── Inspector ─────────────────────────────────────────────────────────────────────────────────────────


def state_of(account: str, status: str) -> dict[str, Any]:
    state = {"status": status, "errorCode": "ALREADY_ENABLED", "errorMessage": "m"}
    each = {"ec2": state, "ecr": state}
    return {"accountId": account, "state": state, "resourceState": each}


@pytest.mark.parametrize(
    ("status", "state"), [("ENABLED", State.ON), ("ENABLING", State.ON), ("DISABLED", State.OFF)]
)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "Invoking account does not have access to get delegated admin account."),
        ("ResourceNotFoundException", "none"),
    ],
)
def test_an_account_by_itself_sees_itself(inspector, status, state, code, message):
    api, stub = inspector
    with stub:
        stub.add_response("batch_get_account_status", {"accounts": [state_of(HUB, status)]})
        stub.add_client_error("get_delegated_admin_account", code, message)
        ((account, found, _, reason),) = told(api.covered())
        assert (account, found, bool(reason)) == (HUB, state, state is State.OFF)


def test_a_delegated_administrator_sees_its_members(inspector):
    api, stub = inspector
    with stub:
        stub.add_response(
            "batch_get_account_status", {"accounts": [state_of(HUB, "ENABLED")]}, {"accountIds": [HUB]}
        )
        administrator = {"delegatedAdmin": {"accountId": HUB, "relationshipStatus": "ENABLED"}}
        stub.add_response("get_delegated_admin_account", administrator)
        asked = {"onlyAssociated": True, "maxResults": 50}
        stub.add_response("list_members", {"members": [{"accountId": SHOP}], "nextToken": "n"}, asked)
        rest = {"members": [{"accountId": "777788889999"}, {"accountId": HUB}]}
        stub.add_response("list_members", rest, asked | {"nextToken": "n"})
        failed = {"accountId": "777788889999", "errorCode": "ACCESS_DENIED", "errorMessage": "no"}
        stub.add_response(
            "batch_get_account_status",
            {"accounts": [state_of(SHOP, "SUSPENDED")], "failedAccounts": [failed]},
            {"accountIds": [SHOP, "777788889999"]},
        )
        assert told(api.covered()) == [
            (HUB, State.ON, "", ""),
            (SHOP, State.OFF, "", "Inspector is suspended"),
            ("777788889999", State.UNREACHABLE, "", "ACCESS_DENIED: no"),
        ]
        stub.assert_no_pending_responses()


def test_who_may_not_ask_is_told_so_and_that_is_not_off(inspector):
    api, stub = inspector
    said = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform"
    with stub:
        stub.add_response("batch_get_account_status", {"accounts": [state_of(HUB, "ENABLED")]})
        stub.add_client_error("get_delegated_admin_account", "AccessDeniedException", said)
        with pytest.raises(SourceError, match="is not authorized to perform; grant the call") as caught:
            api.covered()
        assert caught.value.refused
        failed = {"accountId": HUB, "errorCode": "INTERNAL_ERROR", "errorMessage": "later"}
        stub.add_response("batch_get_account_status", {"accounts": [], "failedAccounts": [failed]})
        with pytest.raises(SourceError, match="INTERNAL_ERROR: later"):
            api.covered()


def equals(*values: str) -> list[dict[str, str]]:
    return [{"comparison": "EQUALS", "value": value} for value in values]


def test_a_page_of_inspector_lists_what_is_active_or_suppressed(inspector):
    api, stub = inspector
    asked = {
        "filterCriteria": {"awsAccountId": equals(SHOP), "findingStatus": equals("ACTIVE", "SUPPRESSED")},
        "maxResults": 100,
    }
    with stub:
        found = [weakness("a"), weakness("b", "SUPPRESSED"), weakness("c") | {"awsAccountId": HUB}]
        stub.add_response("list_findings", {"findings": found, "nextToken": "n"}, asked)
        stub.add_response("list_findings", {"findings": []}, asked | {"nextToken": "n"})
        page = api.page(Scope(INSPECTOR, SHOP, REGION), "", "")
        assert ([each.is_open for each in page.findings], page.next) == ([True, False], "n")
        assert api.page(Scope(INSPECTOR, SHOP, REGION), "", "n").next == ""
    assert opened(page.findings[0].body) == (weakness("a")["findingArn"], True)
    assert opened(page.findings[1].body) == (weakness("b")["findingArn"], False)


def test_inspector_is_asked_for_ten_at_once_to_the_last_page(inspector):
    api, stub = inspector
    arns = [weakness(f"f{number}")["findingArn"] for number in range(11)]
    with stub:
        asked = {"filterCriteria": {"findingArn": equals(*arns[:10])}, "maxResults": 100}
        stub.add_response("list_findings", {"findings": [weakness("f0", "CLOSED")], "nextToken": "n"}, asked)
        stub.add_response("list_findings", {"findings": [weakness("f9")]}, asked | {"nextToken": "n"})
        last = {"filterCriteria": {"findingArn": equals(arns[10])}, "maxResults": 100}
        stub.add_response("list_findings", {"findings": []}, last)
        states = {"accounts": [state_of(SHOP, "DISABLED")]}
        stub.add_response("batch_get_account_status", states, {"accountIds": [SHOP]})
        answered = api.again(arns, "")
        stub.assert_no_pending_responses()
    assert {arn: each.is_open for arn, each in answered.items()} == {arns[0]: False, arns[9]: True}


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "cursor", "expired", "refused"),
    [
        ("AccessDeniedException", "", False, True),
        ("UnrecognizedClientException", "", False, True),
        ("ThrottlingException", "n", False, False),
        ("InternalServerErrorException", "n", False, False),
        ("BadRequestException", "", False, False),
        ("BadRequestException", "n", True, False),
        ("ValidationException", "n", True, False),
    ],
)
def test_an_error_says_which_call_where_and_whether_it_is_for_good(
    guardduty, inspector, code, cursor, expired, refused
):
    for (api, stub), source, name in (
        (guardduty, GUARDDUTY, "GuardDuty"),
        (inspector, INSPECTOR, "Inspector"),
    ):
        with stub:
            stub.add_client_error("list_findings", code, "the reason")
            with pytest.raises(SourceError) as caught:
                api.page(Scope(source, SHOP, REGION), DETECTOR, cursor)
        assert str(caught.value).startswith(f"{name} in {HUB}, {REGION}: list_findings: {code}: the reason")
        assert (isinstance(caught.value, CursorExpired), caught.value.refused) == (expired, refused)


@pytest.mark.parametrize(
    ("code", "message", "refused", "remedy"),
    [
        ("AccessDeniedException", "is not authorized to perform", True, "grant the call to the role"),
        (
            "AccessDeniedException",
            "with an explicit deny in a service control policy",
            True,
            "organization has",
        ),
        ("UnrecognizedClientException", "The security token is invalid", True, "enable the region"),
        ("ExpiredTokenException", "The security token is expired", False, "renew the credentials"),
    ],
)
def test_an_error_names_its_remedy(inspector, code, message, refused, remedy):
    api, stub = inspector
    with stub:
        stub.add_client_error("list_findings", code, message)
        with pytest.raises(SourceError, match=f"{message}; .*{remedy}") as caught:
            api.again([weakness("a")["findingArn"]], "")
    assert caught.value.refused is refused


@pytest.mark.parametrize("body", [b"{}", b'{"findings": [{}]}', b'{"findings": 7}', b'{"findings": [{"arn"'])
@pytest.mark.parametrize("ask", ["again", "page"])
@pytest.mark.parametrize("source", [GUARDDUTY, INSPECTOR])
def test_an_answer_that_is_cut_off_is_an_error_and_not_an_absence(source, ask, body):
    client = stubbed(source)
    bodies = {"ListFindings": b'{"findingIds": ["a"]}' if source == GUARDDUTY else body, "GetFindings": body}
    for call, said in bodies.items():
        client.meta.events.register(f"before-send.{source}.{call}", answering(said))
    api = GuardDuty(client, HUB, REGION) if source == GUARDDUTY else Inspector(client, HUB, REGION)
    asked = (Scope(source, SHOP, REGION), DETECTOR, "") if ask == "page" else ([threat("a")["Arn"]], DETECTOR)
    with pytest.raises(SourceError, match=f" in {HUB}, {REGION}: "):
        getattr(api, ask)(*asked)


def answering(body: bytes) -> Callable[..., AWSResponse]:
    """Answer a request with a body, by way of botocore's own parser."""

    class Raw(BytesIO):
        def stream(self, **_: object) -> Any:
            yield self.read()

    return lambda request, **_: AWSResponse(request.url, 200, HTTPHeaders(), Raw(body))


def test_of_who_is_a_member_no_more_nothing_is_absent(guardduty, inspector):
    api, stub = guardduty
    stub.add_response("get_findings", {"Findings": []})
    stub.add_response("list_members", {"Members": [member(SHOP, "Removed"), member(HUB, "Enabled")]})
    with stub, pytest.raises(SourceError, match=f"{SHOP} is no member of it any more"):
        api.again([threat("a")["Arn"]], DETECTOR)
    api, stub = inspector
    failed = {"accountId": SHOP, "errorCode": "ACCESS_DENIED", "errorMessage": "no access to this account"}
    stub.add_response("list_findings", {"findings": []})
    stub.add_response("batch_get_account_status", {"accounts": [], "failedAccounts": [failed]})
    with stub, pytest.raises(SourceError, match=f"{SHOP} cannot be asked about any more: ACCESS_DENIED"):
        api.again([weakness("a")["findingArn"]], "")


def test_of_its_own_account_a_reader_needs_no_membership(guardduty, inspector):
    api, stub = guardduty
    stub.add_response("get_findings", {"Findings": []})
    with stub:
        assert api.again([threat("a", HUB)["Arn"]], DETECTOR) == {}
    api, stub = inspector
    stub.add_response("list_findings", {"findings": []})
    with stub:
        assert api.again([weakness("a")["findingArn"].replace(SHOP, HUB)], "") == {}


def test_a_listing_that_does_not_go_on_ends_with_an_error(guardduty, inspector):
    api, stub = guardduty
    stub.add_response("list_detectors", {"DetectorIds": [DETECTOR]})
    stub.add_response("get_detector", {"Status": "ENABLED", "ServiceRole": "r"})
    for _ in range(2):
        stub.add_response("list_members", {"Members": [], "NextToken": "n"})
    with stub, pytest.raises(SourceError, match="list_members: the listing does not go on"):
        api.covered()
    api, stub = inspector
    stub.add_response("batch_get_account_status", {"accounts": [state_of(HUB, "ENABLED")]})
    administrator = {"delegatedAdmin": {"accountId": HUB, "relationshipStatus": "ENABLED"}}
    stub.add_response("get_delegated_admin_account", administrator)
    for _ in range(2):
        stub.add_response("list_members", {"members": [], "nextToken": "n"})
    stub.add_response("list_findings", {"findings": [], "nextToken": "n"})
    with stub:
        with pytest.raises(SourceError, match="list_members: the listing does not go on"):
            api.covered()
        with pytest.raises(SourceError, match="list_findings: the listing does not go on"):
            api.page(Scope(INSPECTOR, SHOP, REGION), "", "n")


def test_a_region_that_cannot_be_one_is_an_error_of_its_scope():
    sources = AwsSources(boto3.Session("a", "b", region_name=REGION))
    with pytest.raises(SourceError, match=rf"guardduty in {HUB}, no region!: .*") as caught:
        sources.api(GUARDDUTY, Reader(HUB), "no region!")
    assert caught.value.refused


def test_a_role_is_taken_on_once_and_again_before_it_expires(aws: None):
    now = [datetime.now(UTC).timestamp()]
    sources = AwsSources(boto3.Session(region_name=REGION), clock=lambda: now[0])
    reader = Reader(SHOP, ROLE, "spoke-1")
    first = keys(sources, reader)
    assert keys(sources, reader) == first != keys(sources, Reader(HUB))
    now[0] += 3_600 - RENEWED_SECONDS + 60
    assert keys(sources, reader) != first


def keys(sources: AwsSources, reader: Reader) -> str:
    api = sources.api(INSPECTOR, reader, REGION)
    assert isinstance(api, Inspector)
    held: Callable[[], Any] = api._client._request_signer._credentials.get_frozen_credentials
    return str(held().token)


def test_a_role_that_may_not_be_taken_on_is_told_with_its_arn():
    session = boto3.Session("a", "b", region_name=REGION)
    sts = session.client("sts")
    with Stubber(sts) as stub:
        stub.add_client_error("assume_role", "AccessDenied", "no")
        sources = AwsSources(Borrowed(session, sts))  # type: ignore[arg-type]
        with pytest.raises(
            SourceError, match=rf"^the role {ROLE}: assume_role: AccessDenied: no; grant"
        ) as caught:
            sources.api(GUARDDUTY, Reader(SHOP, ROLE), REGION)
    assert caught.value.refused


class Borrowed:
    """A session whose client of STS is given."""

    def __init__(self, session: boto3.Session, sts: Any) -> None:
        self._session = session
        self._sts = sts

    def client(self, service: str, **given: Any) -> Any:
        return self._sts if service == "sts" else self._session.client(service, **given)  # type: ignore[call-overload]
