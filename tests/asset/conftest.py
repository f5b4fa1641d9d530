"""Both assets as the deployment builds them, once a module: for Lambda, and for this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import infra
from infra import packaging


@pytest.fixture(scope="module", autouse=True)
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build from a copy of the package and the packs, so that an edit meanwhile changes no result."""
    folder = tmp_path_factory.mktemp("snapshot")
    with pytest.MonkeyPatch.context() as patch:
        for name, original in (("SOURCE", infra.SOURCE), ("PACKS", packaging.PACKS)):
            copy = folder / original.name
            shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
            patch.setattr(packaging, name, copy)
        yield folder


@pytest.fixture(scope="module")
def shipped(snapshot: Path) -> Path:
    built = packaging.build(packaging.LAMBDA)
    assert built.note == "", "what is tested is what `make deploy` ships"
    return built.path


@pytest.fixture(scope="module")
def hosted(snapshot: Path) -> Path:
    return packaging.build(packaging.host()).path
