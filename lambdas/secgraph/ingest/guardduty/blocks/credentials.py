"""`accessKeyDetails` → the user or role that acted, and its long-term access key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from secgraph.graph.model import Edge, GraphChange
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import ACCOUNT_ID, Place
from secgraph.ingest.body import Body
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import distinct, facts

_LONG_TERM_KEY: Final = "AKIA"
_ANONYMOUS: Final = "ANONYMOUS_PRINCIPAL"


def credentials(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Name whose credentials were used. Root is the account itself; services, federated and anonymous
    callers are nothing that could be named."""
    if (details.text("userName") or "").startswith(_ANONYMOUS):
        return
    principal = _principal(details)
    if principal:
        changes = (
            *stubs.service_stubs(witness, kinds.IAM, place),
            *_principal_changes(details, principal, place, witness),
        )
        yield Resource(principal, changes)
    key_id = details.identifier("accessKeyId")
    if key_id and key_id.startswith(_LONG_TERM_KEY):
        key = Thing(kinds.ACCESS_KEY, f"aws_iam_access_key:{key_id}", key_id)
        holder = [incoming("HAS", principal)] if principal and principal.kind == kinds.USER else []
        yield Resource(
            key,
            (witness.of_key(key), witness.saw(key, "accessKeyDetails", {}, holder, place=place)),
        )


def _principal(details: Body) -> Thing | None:
    principal_id, user_type = details.identifier("principalId"), details.text("userType")
    if principal_id and user_type == "IAMUser":
        return Thing(kinds.USER, f"aws_iam_user:{principal_id}", principal_id)
    role_id = (principal_id or "").partition(":")[0]
    if role_id and user_type in ("AssumedRole", "Role"):
        return Thing(kinds.ROLE, f"aws_iam_role:{role_id}", role_id)
    return None


def _principal_changes(
    details: Body, principal: Thing, place: Place, witness: Witness
) -> Iterator[GraphChange]:
    """State a user or role. Events do not carry the path, so its ARN is left to the inventory."""
    name, is_user = details.text("userName"), principal.kind == kinds.USER
    called = "username" if is_user else "roleName"
    had: Edge = incoming("HAS", stubs.service(kinds.IAM, place))
    yield witness.of_key(principal, **{called: principal.id})
    yield witness.saw(
        principal,
        "accessKeyDetails",
        facts({"name": name, "displayName": name, called: name}),
        (had,),
        place=place,
    )


def mentioned_accounts(details: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the foreign account whose credentials were used."""
    if details.text("userType") == "AWSAccount":
        named = (details.identifier("principalId"), details.identifier("userName"))
        for id_ in distinct(id_ for id_ in named if id_ and ACCOUNT_ID.fullmatch(id_))[:1]:
            yield stubs.mentioned_account(witness, Place(place.partition, id_))
