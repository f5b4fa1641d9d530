"""What people give a query on the command line: parameters, secrets, placeholders, smart classes."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from secgraph.cli.files import text_of
from secgraph.errors import InputError
from secgraph.j1ql.holes.placeholders import Placeholders
from secgraph.j1ql.server.parameters import Parameters, Secret
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.server.smart_classes import smart_classes_of
from secgraph.j1ql.server.stored import parameters_of as stored_parameters


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add the options for values that a query asks for by name."""
    parser.add_argument("--param", action="append", default=[], metavar="NAME=JSON", help="a parameter")
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=ENVIRONMENT_VARIABLE",
        help="a parameter whose value is never shown",
    )
    add_fill(parser)


def add_fill(parser: argparse.ArgumentParser) -> None:
    """Add the option for placeholders."""
    parser.add_argument(
        "--fill",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="fill the placeholder {{NAME}}; NAME:=JSON for a number or boolean",
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options for the files that stand for what an administrator has set."""
    parser.add_argument("--smart-classes", type=Path, metavar="FILE", help="the smart classes of the server")
    parser.add_argument("--parameters", type=Path, metavar="FILE", help="the stored parameters of the server")


def parameters_of(arguments: argparse.Namespace) -> Parameters:
    """Give the parameters and secrets. Raises InputError, which quotes no secret."""
    found: dict[str, Any] = {}
    for name, text in _named(
        arguments.param, "--param {}: expected NAME=JSON, such as owner='\"team-shop\"'"
    ):
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"--param {name}: {text} is not JSON; a text needs quotes: '\"…\"'") from error
    for name, variable in _named(arguments.secret, "--secret: expected NAME=ENVIRONMENT_VARIABLE"):
        if name in found:
            raise InputError(f"--secret {name}: this parameter is given twice")
        if variable not in os.environ:
            raise InputError(
                f"--secret {name}: there is no such environment variable; name one that holds the value"
            )
        found[name] = Secret(os.environ[variable])
    return found


def placeholders_of(arguments: argparse.Namespace) -> Placeholders:
    """Give the values of placeholders. Raises InputError."""
    found: dict[str, Any] = {}
    for name, text in _named(arguments.fill, "--fill {}: expected NAME=TEXT, or NAME:=JSON"):
        if not name.endswith(":"):
            found[name] = text
            continue
        try:
            found[name[:-1]] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"--fill {name}={text}: after := stands JSON, such as 7 or true") from error
    return found


def server_of(arguments: argparse.Namespace) -> Server:
    """Give what an administrator has set. Raises SettingsError where a file is wrong."""
    classes, stored = arguments.smart_classes, arguments.parameters
    return Server(
        PLAIN.smart_classes if classes is None else smart_classes_of(text_of(classes), str(classes)),
        PLAIN.stored if stored is None else stored_parameters(text_of(stored), str(stored), os.environ),
    )


def _named(given: Iterable[str], mistake: str) -> Iterator[tuple[str, str]]:
    for one in given:
        name, equals, text = one.partition("=")
        if not name.removesuffix(":") or not equals:
            raise InputError(mistake.format(one))
        yield name, text
