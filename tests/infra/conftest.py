"""The stack as a template, synthesised once a process and setting; no asset is built, nothing is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import infra  # first: it points the CDK at its Node
import pytest

# isort: split
from aws_cdk import App
from aws_cdk.assertions import Template
from infra.settings import Settings
from infra.stack import SecgraphStack

Resources = dict[str, dict[str, Any]]


def new_app(outdir: Path | None = None) -> App:
    """An App with the context of cdk.json, as the CLI would hand it over."""
    context = json.loads((infra.ROOT / "cdk.json").read_text())["context"]
    return App(context={**context, "aws:cdk:bundling-stacks": []}, outdir=str(outdir) if outdir else None)


def small_asset(folder: Path) -> Path:
    """A folder that stands for the asset: its content is no matter of the template."""
    (folder / "secgraph").mkdir(parents=True)
    (folder / "secgraph" / "__init__.py").write_text("")
    return folder


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Template]:
    asset = small_asset(tmp_path_factory.mktemp("asset"))

    @lru_cache
    def template(settings: Settings = Settings()) -> Template:
        return Template.from_stack(SecgraphStack(new_app(), "secgraph", asset=asset, settings=settings))

    return template


@pytest.fixture(scope="session")
def template(synthesise: Callable[..., Template]) -> Template:
    return synthesise()


@pytest.fixture(scope="session")
def resources(template: Template) -> Resources:
    return template.to_json()["Resources"]  # type: ignore[no-any-return]
