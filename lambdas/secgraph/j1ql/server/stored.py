"""Stored parameters: the administrator's values of `${param.name}` in queries, `{{param.name}}` in rules.

A stored text is the value as it stands. One that begins with `json:` is a number, a boolean, a text or a list
of those, written as JSON: `json:7`, `json:true`, `json:["a", "b"]`. So an account id stays a text.

As a file: {"version": 1, "parameters": {"Owner": "team-shop", "Ports": [22, 3389]},
            "secrets": {"Token": "ENVIRONMENT_VARIABLE"}}
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import SettingsError, StoreUnavailable
from secgraph.graph.search import is_double
from secgraph.j1ql.server.parameters import Parameters, ParameterValue, PlainValue, Secret

JSON: Final = "json:"
VERSION: Final = 1
FORM: Final = '{"version": 1, "parameters": {"Name": value, …}, "secrets": {"Name": "VARIABLE", …}}'
_EXPECTED: Final = "a text, a number, a boolean or a list of those"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A stored parameter that cannot be used, and why."""

    reason: str


Found = Mapping[str, ParameterValue | Unusable]


class StoredParameters(Mapping[str, ParameterValue]):
    """Parameters that are read when the first of them is asked for, all at once and only once.

    To ask for one raises KeyError if there is none, SettingsError if it is unusable, and StoreUnavailable if
    they could not be read: each is the failure of what asked, and of nothing else.
    """

    def __init__(self, read: Callable[[], Found]) -> None:
        self._read = read
        self._found: Found | None = None
        self._failure = ""

    def __repr__(self) -> str:
        return "StoredParameters(…)"

    def __getitem__(self, name: str) -> ParameterValue:
        found = self._all()[name]
        if isinstance(found, Unusable):
            raise SettingsError(f"param.{name}: {found.reason}")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @property
    def failed(self) -> bool:
        """Tell whether they were asked for and could not be read."""
        return bool(self._failure)

    def _all(self) -> Found:
        if self._failure:  # a store that hangs is waited for once, not by one rule after the other
            raise StoreUnavailable(self._failure)
        if self._found is None:
            try:
                self._found = self._read()
            except StoreUnavailable as error:
                self._failure = str(error)
                raise
        return self._found


def value_of(text: str) -> PlainValue | Unusable:
    """Read a stored text. The reason of an unusable one quotes nothing of it: it may be a secret."""
    if not text.startswith(JSON):
        return text
    try:
        value = json.loads(text.removeprefix(JSON))
    except (ValueError, RecursionError):
        return Unusable(f"what follows {JSON} is not JSON; write {_EXPECTED}")
    return value if _is_plain(value) else Unusable(f"what follows {JSON} is not {_EXPECTED}")


def secret_of(text: str) -> Secret | Unusable:
    """Read a stored text that is shown nowhere."""
    value = value_of(text)
    return value if isinstance(value, Unusable) else Secret(value)


def parameters_of(text: str, where: str, environment: Mapping[str, str]) -> Parameters:
    """Read a file of parameters; the values of secrets stand in the environment variables that it names.

    Raises SettingsError naming `where` (the file) and the parameter, and quoting no secret.
    """
    try:
        document = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not JSON that can be read: {error}") from error
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or version != VERSION or isinstance(version, bool):
        raise SettingsError(f"{where}: expected {FORM}")
    if unknown := sorted(document.keys() - {"version", "parameters", "secrets"}):
        raise SettingsError(f"{where}: {unknown[0]}: unknown field; expected {FORM}")
    plain, secrets = _object(document, "parameters", where), _object(document, "secrets", where)
    if twice := sorted(plain.keys() & secrets.keys()):
        raise SettingsError(f"{where}: {twice[0]} is both a parameter and a secret; keep one")
    return {
        **{name: _plain(name, value, where) for name, value in plain.items()},
        **{name: _secret(name, variable, where, environment) for name, variable in secrets.items()},
    }


def _once(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise SettingsError(f"{where}: {twice[0]!r} stands there twice; keep one")
    return dict(pairs)


def _object(document: Mapping[str, object], part: str, where: str) -> Mapping[str, object]:
    held = document.get(part)
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise SettingsError(f"{where}: {part}: expected {FORM}")
    return held


def _plain(name: str, value: object, where: str) -> ParameterValue:
    if not _is_plain(value):
        raise SettingsError(f"{where}: parameters.{name}: expected {_EXPECTED}")
    return value  # type: ignore[return-value]  # as just checked


def _secret(name: str, variable: object, where: str, environment: Mapping[str, str]) -> Secret:
    if not isinstance(variable, str) or variable not in environment:
        raise SettingsError(
            f"{where}: secrets.{name}: there is no such environment variable; name one that holds the value"
        )
    found = secret_of(environment[variable])
    if isinstance(found, Unusable):
        raise SettingsError(f"{where}: secrets.{name}: {found.reason}")
    return found


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and is_double(value))
