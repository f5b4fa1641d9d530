"""The deployment's accounts file → settings by account id, and what they say of the account's things.

{"123456789012": {"name": "shop-prod", "production": true}, …}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from secgraph.errors import SettingsError
from secgraph.graph.model import AccountSettings, Ref, Value


def accounts_of(text: str, where: str) -> Mapping[str, AccountSettings]:
    """Read the accounts file. Raises SettingsError naming `where` (the file), the account and the field."""
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not JSON that can be read: {error}") from error
    if not isinstance(parsed, dict):
        raise SettingsError(f'{where}: expected {{"123456789012": {{"name": …, "production": …}}}}')
    return {account: _settings(where, account, raw) for account, raw in parsed.items()}


def configured(thing: Ref, account: AccountSettings | None) -> dict[str, Value]:
    """Give the properties that a thing of this account takes from its settings."""
    if account is None:
        return {}
    facts: dict[str, Value] = {}
    if account.name is not None:
        facts["tag.AccountName"] = account.name
        if thing.type == "aws_account":
            facts["name"] = facts["displayName"] = account.name
    if account.production is not None:
        facts["tag.Production"] = account.production
    return facts


def _settings(where: str, account: str, raw: object) -> AccountSettings:
    if not re.fullmatch("[0-9]{12}", account):
        raise SettingsError(f"{where}: {account!r} is no account id; an account id has 12 digits")
    if not isinstance(raw, dict):
        raise SettingsError(f'{where}: {account}: expected {{"name": …, "production": true or false}}')
    unknown = sorted(set(raw) - {"name", "production"})
    if unknown:
        raise SettingsError(f"{where}: {account}.{unknown[0]}: unknown field; expected name and production")
    name, production = raw.get("name"), raw.get("production")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= 256):
        raise SettingsError(f"{where}: {account}.name: expected a text of 1 to 256 characters")
    if production is not None and not isinstance(production, bool):
        raise SettingsError(f"{where}: {account}.production: expected true or false, without quotes")
    return AccountSettings(name, production)
