"""Two deployments of this very app, side by side: with IAM off, and with every role enforced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import packaging
from tests.e2e.deployment import Deployment, deploy, synthesise
from tests.e2e.emulator import ORGANIZATION, Emulator
from tests.local_program import session_members

PACKS = Path(__file__).parent / "packs"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each deployment a worker of its own."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "deployment" in parameters:
            item.add_marker(pytest.mark.xdist_group(parameters["deployment"]))


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This app with functions for this machine: ministack runs them with the interpreter it runs under."""
    asset = packaging.build(packaging.host(), packs=PACKS).path
    given = ("testSource=true", f"organization={ORGANIZATION}")
    return synthesise(tmp_path_factory.mktemp("app"), asset, *given)


@pytest.fixture(scope="session", params=["open", "enforced"])
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, assembly: Path
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp(request.param)
    with Emulator(folder, enforce_iam=request.param == "enforced") as emulator:
        session = emulator.session
        deployed = deploy(emulator, assembly)
        deployed.set_parameter("Instance", "i-0e2e000000000000f")
        yield deployed
    assert session_members(session) == [], "the emulator left processes behind"
