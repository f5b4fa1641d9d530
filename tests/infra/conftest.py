"""The stack as a template, synthesised once a process and setting; no asset is built or installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import infra  # before the CDK: it points it at its Node

# isort: split
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.settings import Settings
from infra.stack import SecgraphStack

Resources = dict[str, dict[str, Any]]
NewStack = Callable[[App, Settings], SecgraphStack]


@pytest.fixture(scope="session")
def new_app() -> Callable[..., App]:
    """An App with the context of cdk.json, as the CLI would hand it over."""
    context = json.loads((infra.ROOT / "cdk.json").read_text())["context"]

    def app(outdir: Path | None = None) -> App:
        return App(context={**context, "aws:cdk:bundling-stacks": []}, outdir=str(outdir) if outdir else None)

    return app


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> NewStack:
    """The stack with a folder that stands for the asset: its content is no matter of the template."""
    asset = tmp_path_factory.mktemp("asset")
    (asset / "secgraph").mkdir()
    (asset / "secgraph" / "__init__.py").write_text("")

    def stack(app: App, settings: Settings) -> SecgraphStack:
        return SecgraphStack(app, "secgraph", asset=asset, settings=settings)

    return stack


@pytest.fixture(scope="session")
def synthesise(new_app: Callable[..., App], new_stack: NewStack) -> Callable[..., Template]:
    @lru_cache
    def template(settings: Settings) -> Template:
        return Template.from_stack(new_stack(new_app(), settings))

    return lambda settings=None: template(settings or Settings())


@pytest.fixture(scope="session")
def template(synthesise: Callable[..., Template]) -> Template:
    return synthesise()


@pytest.fixture(scope="session")
def resources(template: Template) -> Resources:
    return template.to_json()["Resources"]  # type: ignore[no-any-return]
