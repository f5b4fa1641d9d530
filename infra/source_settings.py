"""The file of `-c sources=`: which sources are read by their APIs, how often, and whose events are believed.

{"version": 1, "regions": ["eu-west-1"], "hours": 24, "administrators": ["123456789012"],
 "readers": [{"role": "arn:aws:iam::210987654321:role/secgraph-reader", "externalId": "…"}]}

Only `version` must be there. `false` in the place of the file, or of the hours, switches the reconcile off.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from infra.context import SettingsError, read_json

KEY: Final = "sources"
VERSION: Final = 1
PARTS: Final = ("version", "regions", "hours", "administrators", "readers")
READER_FIELDS: Final = ("role", "externalId")
DEFAULT_HOURS: Final = 24
MAX_HOURS: Final = 168
VARIABLE_BYTES: Final = 1_000
"""All variables of a function may take 4 KB, and the accounts map has up to 2 of them."""
MAX_ADMINISTRATORS: Final = 50
"""They are a variable of the same 4 KB."""
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCOUNT: Final = re.compile("[0-9]{12}")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9_+=,.@/-]{1,512}")
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}")


@dataclass(frozen=True, slots=True)
class Sources:
    """`regions` are those read, none for the deployment's own; `roles` are the ARNs that it takes on in other
    accounts; `administrators` are believed beside its own account. `text` is what the runtime reads, empty
    if the reconcile is switched off."""

    regions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    text: str = f'{{"hours":{DEFAULT_HOURS}}}'

    @property
    def variable(self) -> str:
        """The text if an environment variable holds it."""
        return self.text if len(self.text.encode()) <= VARIABLE_BYTES else ""

    @property
    def often(self) -> str:
        """How often they are read, for functions that only say how complete the graph is: whom the deployment
        may be is not theirs to know. Empty if the reconcile is switched off."""
        return json.dumps({"hours": json.loads(self.text)["hours"]}) if self.text else ""

    @property
    def file(self) -> str:
        """The text if it must be a file inside the asset instead."""
        return "" if self.variable else self.text


OWN: Final = Sources()
OFF: Final = Sources(text="")


def sources_of(value: object) -> Sources:
    """Read and check the file. Raises SettingsError."""
    if value in (None, ""):
        return OWN
    if value in (False, "false"):
        return OFF
    file = Path(str(value))
    document = read_json(KEY, file)
    if not isinstance(document, dict) or document.get("version") is not VERSION:
        raise SettingsError(
            KEY,
            f'{file} must hold {{"version": 1, "regions": […], "readers": […], "hours": {DEFAULT_HOURS}}}.',
        )
    _check_names(str(file), document, PARTS, "part")
    regions = _texts(file, document, "regions", _REGION, "is no region; write one such as eu-west-1")
    administrators = _texts(file, document, "administrators", _ACCOUNT, "is no account id of 12 digits")
    if len(administrators) > MAX_ADMINISTRATORS:
        raise SettingsError(KEY, f"{file}: administrators: there may be {MAX_ADMINISTRATORS} at most.")
    readers = _readers(file, document.get("readers"))
    hours = _hours(file, document.get("hours", DEFAULT_HOURS))
    told = {
        **({"regions": regions} if regions else {}),
        **({"readers": readers} if readers else {}),
        "hours": hours,
    }
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False) if hours else ""
    return Sources(regions, tuple(reader["role"] for reader in readers), administrators, text)


def _check_names(where: str, held: dict[str, Any], known: tuple[str, ...], kind: str) -> None:
    for name in held:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"it may have {', '.join(known)}."
            raise SettingsError(KEY, f"{where}: there is no {kind} {name!r}; {hint}")


def _texts(
    file: Path, document: dict[str, Any], part: str, form: re.Pattern[str], wrong: str
) -> tuple[str, ...]:
    held = document.get(part, [])
    if not isinstance(held, list):
        raise SettingsError(KEY, f"{file}: {part} must be a list of texts.")
    for each in held:
        if not isinstance(each, str) or not form.fullmatch(each):
            raise SettingsError(KEY, f"{file}: {part}: {json.dumps(each)} {wrong}.")
    return tuple(dict.fromkeys(held))


def _hours(file: Path, hours: object) -> int:
    if hours is False:
        return 0
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= MAX_HOURS:
        raise SettingsError(
            KEY,
            f"{file}: hours must be a whole number from 1 to {MAX_HOURS}, or false to switch the reconcile "
            f"off, not {json.dumps(hours)}.",
        )
    return hours


def _readers(file: Path, held: object) -> list[dict[str, str]]:
    if held is None:
        return []
    if not isinstance(held, list):
        raise SettingsError(KEY, f'{file}: readers must be a list of {{"role": "…", "externalId": "…"}}.')
    readers = [_reader(f"{file}: readers, {place}", each) for place, each in enumerate(held, 1)]
    accounts = [reader["account"] for reader in readers]
    for account in accounts:
        if accounts.count(account) > 1:
            raise SettingsError(KEY, f"{file}: readers: account {account} stands there twice; keep one role.")
    return readers


def _reader(where: str, held: object) -> dict[str, str]:
    if not isinstance(held, dict):
        raise SettingsError(KEY, f'{where}: write {{"role": "…", "externalId": "…"}}.')
    _check_names(where, held, READER_FIELDS, "field")
    role, external_id = (held.get(name) for name in READER_FIELDS)
    if not isinstance(role, str) or not (arn := _ROLE.fullmatch(role)):
        raise SettingsError(KEY, f"{where}: role: {json.dumps(role)} is not the ARN of an IAM role.")
    if not isinstance(external_id, str) or not _EXTERNAL_ID.fullmatch(external_id):
        raise SettingsError(
            KEY,
            f"{where}: externalId must be the text that the role's trust policy asks for: 2 to 1224 letters, "
            "digits or _+=,.@:/-.",
        )
    return {"account": arn[1], "role": role, "externalId": external_id}
