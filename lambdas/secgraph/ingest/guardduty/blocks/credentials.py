"""`accessKeyDetails`, or who acted in an attack sequence → the user or role, and its long-term access key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
_FOREIGN: Final = "AWSAccount"
_ROLES: Final = ("AssumedRole", "Role")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose credentials were used, as far as a block says. The principal id of a user or role is checked to
    be fit for a key; a role's ends in `:` and the session's name."""

    type: str | None
    name: str | None
    id: str | None
    key_id: str | None

    @classmethod
    def of_key_details(cls, details: Body) -> Principal:
        """Read `accessKeyDetails`."""
        return cls._read(details, "userType", "userName", "principalId", "accessKeyId")

    @classmethod
    def of_actor(cls, user: Body) -> Principal:
        """Read the `user` of an actor of an attack sequence."""
        return cls._read(user, "type", "name", "uid", "credentialUid")

    @classmethod
    def _read(cls, body: Body, type_: str, name: str, id_: str, key_id: str) -> Principal:
        user_type = body.text(type_)
        is_named = user_type in ("IAMUser", *_ROLES)
        principal_id = body.identifier(id_) if is_named else body.text(id_)
        return cls(user_type, body.text(name), principal_id, body.identifier(key_id))

    @property
    def is_anonymous(self) -> bool:
        """Tell a caller without credentials."""
        return (self.name or "").startswith(_ANONYMOUS)

    @property
    def thing(self) -> Thing | None:
        """Name the user or role."""
        if self.id and self.type == "IAMUser":
            return Thing(kinds.USER, f"aws_iam_user:{self.id}", self.id)
        role_id = (self.id or "").partition(":")[0]
        if role_id and self.type in _ROLES:
            return Thing(kinds.ROLE, f"aws_iam_role:{role_id}", role_id)
        return None


def credentials(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Name whose credentials were used, as `accessKeyDetails` says."""
    return principals(Principal.of_key_details(details), place, witness, "accessKeyDetails")


def principals(principal: Principal, place: Place, witness: Witness, block: str) -> Iterator[Resource]:
    """State the user or role and its long-term key. Root is the account itself; services, federated and
    anonymous callers are nothing that could be named, and another account's key is not this one's."""
    if principal.is_anonymous or principal.type == _FOREIGN:
        return
    thing = principal.thing
    if thing:
        changes = (
            *stubs.service_stubs(witness, kinds.IAM, place),
            *_principal_changes(principal, thing, place, witness, block),
        )
        yield Resource(thing, changes)
    if principal.key_id and principal.key_id.startswith(_LONG_TERM_KEY):
        key = Thing(kinds.ACCESS_KEY, f"aws_iam_access_key:{principal.key_id}", principal.key_id)
        holder = [incoming("HAS", thing)] if thing and thing.kind == kinds.USER else []
        yield Resource(key, (witness.of_key(key), witness.saw(key, block, {}, holder, place=place)))


def _principal_changes(
    principal: Principal, thing: Thing, place: Place, witness: Witness, block: str
) -> Iterator[GraphChange]:
    """State a user or role. Events do not carry the path, so its ARN is left to the inventory."""
    name = principal.name
    called = "username" if thing.kind == kinds.USER else "roleName"
    had: Edge = incoming("HAS", stubs.service(kinds.IAM, place))
    yield witness.of_key(thing, **{called: thing.id})
    known = facts({"name": name, "displayName": name, called: name})
    yield witness.saw(thing, block, known, (had,), place=place)


def mentioned_accounts(principal: Principal, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the foreign account whose credentials were used."""
    if principal.type == _FOREIGN:
        named = (principal.id, principal.name)
        for id_ in distinct(id_ for id_ in named if id_ and ACCOUNT_ID.fullmatch(id_))[:1]:
            yield stubs.mentioned_account(witness, Place(place.partition, id_))
