"""A code repository in `resources[]` of an Inspector finding → the repository, as Inspector knows it."""

from __future__ import annotations

import re
from typing import Final

from secgraph.ingest import kinds
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.stubs import Resource, required_id
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts

_PROJECT: Final = re.compile(r"project-[0-9a-f-]{8,}")


def named_code_repository(text: str, _path: str, place: Place, witness: Witness) -> Resource:
    """Name a repository by Inspector's id of its project; an id of no known form gets a prefix, to be no
    other thing's key.

    Until an inventory of the code host knows the same repository by its full name, this is its only entity.
    """
    arn = arn_of(text)
    own = arn is not None and arn.service == "inspector2"
    key = text if own or _PROJECT.fullmatch(text) else f"{kinds.CODE_REPOSITORY.type}:{text}"
    repository = Thing(kinds.CODE_REPOSITORY, key, text, place)
    return Resource(repository, (witness.of_key(repository),))


def code_repository(body: Body, place: Place, witness: Witness) -> Resource:
    """Read a repository; its project is its name, and its full name where that has an owner (`shop/web`)."""
    found = named_code_repository(required_id(body), body.at("id"), place, witness)
    details, tags = body.body("details").body("codeRepository"), tag_properties(body)
    project = details.text("projectName")
    known = facts(
        name=project,
        displayName=project,
        fullName=project if project and "/" in project else None,
        providerType=details.text("providerType"),
        integrationArn=details.text("integrationArn"),
    )
    seen = witness.saw(found.thing, "codeRepository", {**known, **(tags if project else named(tags))})
    return Resource(found.thing, (*found.changes, seen), project or "", tags)
