"""Lambda functions: an ARN that may end in a version or alias → the function, which is keyed without it."""

from __future__ import annotations

import re
from typing import Final

from secgraph.ingest import kinds
from secgraph.ingest.aws import Arn, Place
from secgraph.ingest.things import Thing

_IN_ARN: Final = re.compile(r"function:(?P<name>[^:]+)(:(?P<version>[^:]+))?")


def function_of(home: Place, name: str) -> Thing:
    """Name a function."""
    return Thing(kinds.FUNCTION, home.arn("lambda", f"function:{name}"), name, home)


def name_and_version(arn: Arn | None) -> tuple[str, str | None] | None:
    """Read the name of a function and the version or alias, if any; None for what is no function's ARN."""
    found = _IN_ARN.fullmatch(arn.resource) if arn and arn.account else None
    return (found["name"], found["version"]) if found else None
