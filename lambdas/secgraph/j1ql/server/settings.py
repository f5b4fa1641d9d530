"""Server: what an administrator has set for every query, whoever asks it."""

from __future__ import annotations

from dataclasses import dataclass, field

from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.j1ql.server.smart_classes import DEFAULT, SmartClasses


@dataclass(frozen=True, slots=True)
class Server:
    """`stored` holds the values of `${param.name}` by name, without `param.`."""

    smart_classes: SmartClasses = DEFAULT
    stored: Parameters = field(default_factory=lambda: NONE, repr=False)


PLAIN = Server()
"""A server on which nothing was set."""
