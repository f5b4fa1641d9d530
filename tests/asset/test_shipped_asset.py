"""What goes to Lambda: right processor, right Python, small enough, importable with nothing else there."""

from __future__ import annotations

import _imp
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import packaging
from infra.context import SettingsError
from secgraph import contract

pytestmark = pytest.mark.asset

AARCH64 = 0xB7
LIMIT_BYTES = 250 * 1024 * 1024
MAGIC = {"3.14": 3627}  # of the released version, from CPython's pycore_magic_number.h
UNCHECKED_HASH = 0b01
TARGETS = (packaging.LAMBDA, packaging.host())
HANDLERS = (contract.INGEST_HANDLER, contract.QUERY_HANDLER, contract.EVALUATE_HANDLER)


def machine(library: Path) -> int:
    """The processor of an ELF file: two bytes at offset 18."""
    head = library.read_bytes()[:20]
    assert head[:4] == b"\x7fELF", library
    return int(struct.unpack_from("<H", head, 18)[0])


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def unreleased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> packaging.Target:
    """A version that no machine has and no Pyodide is, and nothing to install for it."""
    lock = tmp_path / "runtime.lock"
    lock.write_text("")
    monkeypatch.setattr(packaging, "LOCK", lock)
    return packaging.Target("unreleased", "", "3.99")


def test_libraries_are_for_the_processor_and_python_of_the_functions(shipped: Path) -> None:
    libraries = list(shipped.rglob("*.so*"))
    assert libraries, "duckdb is a library"
    version = packaging.LAMBDA.python.replace(".", "")
    for library in libraries:
        assert machine(library) == AARCH64, library.name
        abi = re.search(r"\.(cpython-\d+|abi3)", library.name)
        assert abi is None or abi[1] in {"abi3", f"cpython-{version}"}, library.name


def test_wheels_ask_for_no_newer_c_library_than_lambda_has(shipped: Path) -> None:
    tags = [
        line.removeprefix("Tag: ")
        for file in shipped.glob("*.dist-info/WHEEL")
        for line in file.read_text().splitlines()
        if line.startswith("Tag: ")
    ]
    assert tags
    for tag in tags:
        glibc = re.search(r"manylinux_2_(\d+)_", tag)
        assert glibc is None or int(glibc[1]) <= 34, tag


def test_it_fits_into_lambda(shipped: Path, record_property: Callable[[str, object], None]) -> None:
    record_property("unpacked_mb", round(size(shipped) / 2**20))
    assert size(shipped) < LIMIT_BYTES


def test_every_locked_package_is_inside_and_no_tool(shipped: Path) -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ]+)", packaging.LOCK.read_text(), flags=re.M))
    names = {metadata.name.removesuffix(".dist-info") for metadata in shipped.glob("*.dist-info")}
    assert names == {f"{name.replace('-', '_')}-{version}" for name, version in locked}
    assert not (shipped / "bin").exists()


def test_the_package_is_shipped_whole_and_readable_to_all(shipped: Path, snapshot: Path) -> None:
    source = {
        str(file.relative_to(snapshot / "secgraph"))
        for file in (snapshot / "secgraph").rglob("*")
        if file.is_file()
    }
    files = content(shipped / "secgraph").keys()
    assert {name for name in files if "__pycache__" not in name} == source
    for path in shipped.rglob("*"):
        assert path.stat().st_mode & 0o044 == 0o044, path


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_same_input_gives_the_same_bytes(target: packaging.Target, tmp_path: Path) -> None:
    first = packaging.build(target).path
    again = packaging.build(target, into=tmp_path).path
    assert again.name == first.name
    assert content(again) == content(first)


def test_every_module_ships_with_bytecode_that_the_functions_take_unread(shipped: Path) -> None:
    sources = list(shipped.rglob("*.py"))
    packages = {source.relative_to(shipped).parts[0] for source in sources}
    assert packages >= {"secgraph", "boto3", "botocore", "aws_lambda_powertools", "duckdb"}
    tag = "cpython-" + packaging.LAMBDA.python.replace(".", "")
    for source in sources:
        head = (source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").read_bytes()[:16]
        magic, _, flags = struct.unpack_from("<HHI", head)
        assert (magic, flags) == (MAGIC[packaging.LAMBDA.python], UNCHECKED_HASH), source
        key = int.from_bytes(head[:4], "little")
        assert head[8:] == _imp.source_hash(key, source.read_bytes()), source


@pytest.mark.parametrize("asset", ["shipped", "hosted"])
def test_bytecode_names_files_as_lambda_sees_them(asset: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(asset)
    for name in ("secgraph/contract", "boto3/session"):
        (compiled,) = (folder / name).parent.glob(f"__pycache__/{Path(name).name}.*.pyc")
        code = compiled.read_bytes()
        assert f"/var/task/{name}.py".encode() in code
        assert str(packaging.BUILD).encode() not in code


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_source_that_does_not_compile_is_named(
    target: packaging.Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secgraph").mkdir()
    (tmp_path / "secgraph" / "broken.py").write_text("def broken(:\n")
    monkeypatch.setattr(packaging, "SOURCE", tmp_path / "secgraph")
    with pytest.raises(packaging.PackagingError, match=r"(?s)compile the asset.*secgraph/broken\.py"):
        packaging.build(target)


def test_bytecode_of_another_python_is_refused(tmp_path: Path, unreleased: packaging.Target) -> None:
    wrong = f"bytecode for Python 3.99 is wanted, and this is {packaging.LAMBDA.python}"
    with pytest.raises(packaging.PackagingError, match=re.escape(wrong)):
        packaging.build(unreleased, into=tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []


def test_without_a_compiler_the_asset_is_whole_and_says_what_to_do(
    tmp_path: Path, unreleased: packaging.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "PYODIDE", tmp_path / "absent")
    built = packaging.build(unreleased, into=tmp_path / "build")
    assert "`make node_modules`" in built.note
    assert (built.path / "secgraph" / "contract.py").is_file()
    assert not list(built.path.rglob("*.pyc"))


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_imports_where_only_the_asset_is(hosted: Path, handler: str) -> None:
    module, function = handler.rsplit(".", 1)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        f"import {module} as handlers\n"
        f"assert callable(handlers.{function})\n"
        "files = [getattr(module, '__file__', None) for module in sys.modules.values()]\n"
        "import json; print(json.dumps([file for file in files if file]))"
    )
    environment = {
        contract.GRAPH_TABLE: "graph",
        contract.ALERT_TABLE: "alerts",
        contract.BUCKET: "bucket",
        contract.ALERT_TOPIC: "arn:aws:sns:eu-central-1:123456789012:topic",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "POWERTOOLS_SERVICE_NAME": contract.SERVICE,
        "PATH": os.defpath,
    }
    command = [sys.executable, "-I", "-S", "-c", program, str(hosted)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = [Path(name) for name in json.loads(done.stdout)]
    assert not [file for file in files if "site-packages" in file.parts]
    assert hosted / "secgraph" / "contract.py" in files


def test_own_packs_smart_classes_reach_and_a_large_accounts_map_go_in(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "house-rules.json").write_text("{}")
    accounts = json.dumps({"123456789012": {"name": "shop-prod"}})
    smart = json.dumps({"version": 1, "smartClasses": {"Crown": ["FIND DataStore"]}})
    built = packaging.build(
        packaging.host(),
        packs=own,
        accounts=accounts,
        smart_classes=smart,
        reach='{"version": 1}',
        into=tmp_path,
    ).path
    packs = {file.name for file in (built / contract.PACKS_FOLDER).iterdir()}
    assert packs == {"house-rules.json", *(file.name for file in packaging.PACKS.glob("*.json"))} - {
        "schema.json"
    }
    assert (built / contract.ACCOUNTS_FILE).read_text() == accounts
    assert (built / contract.SMART_CLASSES_FILE).read_text() == smart
    assert (built / contract.REACH_FILE).read_text() == '{"version": 1}'


def test_an_own_pack_cannot_take_the_place_of_ours(tmp_path: Path) -> None:
    ours = next(file for file in packaging.PACKS.glob("*.json") if file.name not in packaging.NOT_PACKS)
    (tmp_path / ours.name).write_text("{}")
    with pytest.raises(SettingsError, match="has the name of one of secgraph's packs; rename it"):
        packaging.build(packaging.host(), packs=tmp_path, into=tmp_path / "build")


def test_a_package_with_a_wrong_hash_is_not_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "runtime.lock"
    lock.write_text("six==1.17.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(packaging, "LOCK", lock)
    with pytest.raises(packaging.PackagingError, match="could not install the locked dependencies"):
        packaging.build(packaging.host(), into=tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []
