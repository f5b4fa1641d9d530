"""CDK context in (`-c key=value` or cdk.json), checked Settings out.

key           meaning                                                              default
accounts      file: {"123456789012": {"name": "shop-prod", "production": true}}    none
packs         folder with rule packs (*.json) of your own, shipped beside ours     none
smartClasses  file: {"version": 1, "smartClasses": {"Name": ["FIND …", …]}}        none
sources       file of infra/source_settings.py, or false: no reconcile             own account
testSource    true: events of the source `secgraph.test` are let in                false
testEvents    true: shareable console test events, with their schema registry;     false
              existing: the same where the account already has that registry
memory        MB for the query, status and evaluate functions, 512 to 10240        2048
retention     days that log lines are kept, one of the periods CloudWatch knows    90
rawRetention  days that raw events are kept, 1 to 36500                            400
asset         folder with an asset built before: ship it instead of building one   none

Those about alerts are in infra/alert_settings.py, those about many accounts in infra/hub_settings.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from infra.alert_settings import KEYS as ALERT_KEYS
from infra.alert_settings import NONE as NO_ALERT_SETTINGS
from infra.alert_settings import AlertSettings, alert_settings
from infra.context import SettingsError, flag, read_json
from infra.hub_settings import KEYS as HUB_KEYS
from infra.hub_settings import NO_HUB, HubSettings, hub_settings
from infra.source_settings import OWN as OWN_SOURCES
from infra.source_settings import Sources, sources_of

DEFAULT_MEMORY_MB: Final = 2048
DEFAULT_RETENTION_DAYS: Final = 90
DEFAULT_RAW_DAYS: Final = 400
"""A year, as auditors ask for, and some days to notice that it is over."""
MAX_RAW_DAYS: Final = 36_500
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
ACCOUNTS_VARIABLE_BYTES: Final = 2_000
KEYS: Final = (
    *("accounts", "packs", "smartClasses", "sources", "testSource", "testEvents"),
    *("memory", "retention", "rawRetention", "asset"),
    *ALERT_KEYS,
    *HUB_KEYS,
)
TestEvents = Literal["no", "with-registry", "existing-registry"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation may choose. `accounts` and `smart_classes` are JSON texts, empty when none were
    given."""

    accounts: str = ""
    packs: Path | None = None
    smart_classes: str = ""
    sources: Sources = OWN_SOURCES
    alerts: AlertSettings = NO_ALERT_SETTINGS
    hub: HubSettings = NO_HUB
    test_source: bool = False
    test_events: TestEvents = "no"
    memory_mb: int = DEFAULT_MEMORY_MB
    retention_days: int = DEFAULT_RETENTION_DAYS
    raw_days: int = DEFAULT_RAW_DAYS
    asset: Path | None = None

    @property
    def accounts_variable(self) -> str:
        """The accounts map if an environment variable holds it; all those of a function may take 4 KB."""
        return self.accounts if len(self.accounts.encode()) <= ACCOUNTS_VARIABLE_BYTES else ""

    @property
    def accounts_file(self) -> str:
        """The accounts map if it must be a file inside the asset instead."""
        return "" if self.accounts_variable else self.accounts


def check_names(context: Mapping[str, Any]) -> None:
    """Refuse a key that nothing reads; raises SettingsError. Keys of the CDK itself hold `:`, `@` or `/`."""
    for key in context:
        if key not in KEYS and not re.search("[:@/]", key):
            near = get_close_matches(key, KEYS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}."
            raise SettingsError(key, f"there is no such context key; {hint}")


def from_context(context: Mapping[str, Any]) -> Settings:
    """Check every key that is ours; raises SettingsError."""
    check_names(context)
    packs = _packs(context.get("packs"))
    return Settings(
        accounts=_accounts(context.get("accounts")),
        packs=packs,
        smart_classes=_smart_classes(context.get("smartClasses")),
        sources=sources_of(context.get("sources")),
        alerts=alert_settings(context, packs),
        hub=hub_settings(context),
        test_source=flag("testSource", context.get("testSource")),
        test_events=_test_events(context.get("testEvents")),
        memory_mb=_memory(context.get("memory")),
        retention_days=_retention(context.get("retention")),
        raw_days=_raw_days(context.get("rawRetention")),
        asset=_asset(context.get("asset")),
    )


def _accounts(value: object) -> str:
    if value in (None, ""):
        return ""
    file = Path(str(value))
    document = read_json("accounts", file)
    if not isinstance(document, dict):
        raise SettingsError("accounts", f"{file} must hold an object of account ids, not {_kind(document)}.")
    for account, entry in document.items():
        _check_account(f"{file}: {json.dumps(account)}", account, entry)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _check_account(where: str, account: str, entry: object) -> None:
    if not re.fullmatch("[0-9]{12}", account):
        raise SettingsError("accounts", f"{where}: an account id has 12 digits.")
    if not isinstance(entry, dict):
        raise SettingsError("accounts", f'{where}: write {{"name": "…", "production": true}}.')
    for field in entry.keys() - {"name", "production"}:
        raise SettingsError("accounts", f"{where}: there is no field {field!r}; use name and production.")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise SettingsError("accounts", f"{where}: name must be a text that is not empty.")
    if not isinstance(entry.get("production", False), bool):
        raise SettingsError("accounts", f"{where}: production must be true or false, without quotes.")


def _packs(value: object) -> Path | None:
    if value in (None, ""):
        return None
    folder = Path(str(value))
    if not folder.is_dir():
        raise SettingsError("packs", f"{folder} is not a folder.")
    files = sorted(folder.glob("*.json"))
    if not files:
        raise SettingsError("packs", f"{folder} holds no *.json file.")
    for file in files:
        read_json("packs", file)
    return folder


def _smart_classes(value: object) -> str:
    """The file's text once the runtime itself has read it: it alone knows the query language."""
    if value in (None, ""):
        return ""
    file = Path(str(value))
    document = read_json("smartClasses", file)
    program = "import sys; from secgraph.cli import main; sys.exit(main())"
    command = [sys.executable, "-X", "utf8", "-c", program, "smart-classes", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    if done.returncode != 0:
        raise SettingsError("smartClasses", done.stderr.strip().removeprefix("secgraph: "))
    return json.dumps(document, indent=1, ensure_ascii=False)


def _test_events(value: object) -> TestEvents:
    if value == "existing":
        return "existing-registry"
    if value not in (None, "", False, "false", True, "true"):
        raise SettingsError("testEvents", f"must be true, false or existing, not {value!r}.")
    return "with-registry" if flag("testEvents", value) else "no"


def _memory(value: object) -> int:
    if value in (None, ""):
        return DEFAULT_MEMORY_MB
    if not re.fullmatch("[0-9]{1,6}", str(value)) or not 512 <= int(str(value)) <= 10_240:
        raise SettingsError("memory", f"must be a whole number of MB from 512 to 10240, not {value!r}.")
    return int(str(value))


def _retention(value: object) -> int:
    if value in (None, ""):
        return DEFAULT_RETENTION_DAYS
    if not re.fullmatch("[0-9]{1,6}", str(value)) or int(str(value)) not in RETENTION_DAYS:
        known = ", ".join(map(str, RETENTION_DAYS))
        raise SettingsError("retention", f"CloudWatch keeps logs for one of {known} days, not {value!r}.")
    return int(str(value))


def _raw_days(value: object) -> int:
    if value in (None, ""):
        return DEFAULT_RAW_DAYS
    if not re.fullmatch("[0-9]{1,6}", str(value)) or not 1 <= int(str(value)) <= MAX_RAW_DAYS:
        raise SettingsError(
            "rawRetention", f"must be a whole number of days from 1 to {MAX_RAW_DAYS}, not {value!r}."
        )
    return int(str(value))


def _asset(value: object) -> Path | None:
    if value in (None, ""):
        return None
    folder = Path(str(value))
    if not (folder / "secgraph").is_dir():
        raise SettingsError("asset", f"{folder} is no built asset: it holds no folder named secgraph.")
    return folder


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a boolean"}
    return names.get(type(value), "null")
