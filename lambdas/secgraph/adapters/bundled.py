"""The folders that come with secgraph: beside the package in the Lambda asset, at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

from secgraph.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent.parent


def bundled(name: str) -> Path:
    """Give a folder such as `rule_packs`. Raises SettingsError where secgraph was installed without it."""
    for place in (_PACKAGE.parent / name, _PACKAGE.parent.parent / name):
        if place.is_dir():
            return place
    raise SettingsError(f"{name}: this installation of secgraph has no such folder; run it from a checkout")
