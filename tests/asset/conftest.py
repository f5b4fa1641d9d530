"""Both assets as the deployment builds them, once a process: for Lambda, and for this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import packaging


@pytest.fixture(scope="session")
def shipped() -> Path:
    return packaging.build(packaging.LAMBDA).path


@pytest.fixture(scope="session")
def hosted() -> Path:
    return packaging.build(packaging.host()).path
