"""Source, locked dependencies, packs and accounts in; one folder for all Lambda functions out. No Docker.

    requirements/runtime.lock ─uv pip install for the target→ build/wheels-…/           ┐
    lambdas/secgraph, rule_packs/, -c packs=, accounts=, smartClasses=, reach=, sources= ┴→ build/asset-…/

The same input gives the same folder, byte by byte. Nothing here needs the CDK. boto3 is shipped although the
Lambda runtime has one: what was locked and tested is what runs, and the runtime's own changes without
notice. That costs 22 MB of the 250.

Bytecode is shipped too, as imports without it cost a cold start several times as much and Lambda can keep
none. It is made by an interpreter of the target's version (`bytecode.py`), else by Pyodide out of
node_modules (`bytecode.mjs`; `make` installs it). Whoever runs app.py without either gets a working asset
and a note that says what would make it faster.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra import ROOT, SOURCE, node_executable
from infra.context import SettingsError
from infra.settings import Settings
from secgraph import contract

BUILD: Final = ROOT / "build"
LOCK: Final = ROOT / "requirements" / "runtime.lock"
PACKS: Final = ROOT / "rule_packs"
BYTECODE: Final = ROOT / "infra" / "bytecode"
PYODIDE: Final = ROOT / "node_modules" / "pyodide"
NOT_PACKS: Final = frozenset({"schema.json"})
# What an installer leaves behind and no program reads; RECORD also names files that are not shipped.
LEFT_OUT: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
CODE_ROOT: Final = "/var/task"
"""Where Lambda unpacks an asset; tracebacks name files under it."""


class PackagingError(RuntimeError):
    """The asset could not be built; says which step and what the tool said."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an asset is built for: `platform` as uv's --python-platform names it, `python` like 3.14."""

    name: str
    platform: str
    python: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A built folder, and what a person should know about it, if anything."""

    path: Path
    note: str


@dataclass(frozen=True, slots=True)
class Compiler:
    """A command that takes bytecode.py's arguments; `name` is part of the identity of what it compiled."""

    name: str
    command: tuple[str, ...]


# Lambda's python3.14 runs on Amazon Linux 2023, which has glibc 2.34.
LAMBDA: Final = Target("lambda", "aarch64-manylinux_2_34", "3.14")


def host() -> Target:
    """This machine and this interpreter, for tests and for emulators that run functions with it."""
    return Target("host", "", f"{sys.version_info.major}.{sys.version_info.minor}")


def build(
    target: Target,
    *,
    packs: Path | None = None,
    accounts: str = "",
    smart_classes: str = "",
    reach: str = "",
    sources: str = "",
    into: Path = BUILD,
) -> Asset:
    """Build, or find what was built from the same input; an empty text is a file that is not there. Raises
    PackagingError, SettingsError."""
    compiler = _compiler(target)
    wheels = _wheels(target, compiler, into)
    texts = {
        contract.ACCOUNTS_FILE: accounts,
        contract.SMART_CLASSES_FILE: smart_classes,
        contract.REACH_FILE: reach,
        contract.SOURCES_FILE: sources,
    }
    given = {name: text.encode() for name, text in texts.items() if text}
    files = {**_source_files(), **_pack_files(packs), **given}
    digest = _digest([wheels.name, *_fingerprints(files)])
    path = into / f"asset-{target.name}-{digest}"
    if not path.is_dir():
        with _unfinished(into) as draft:
            shutil.copytree(wheels, draft, dirs_exist_ok=True, copy_function=os.link)
            for name, content in files.items():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                (draft / name).write_bytes(content)
            _compile(compiler, target, draft / SOURCE.name, f"{CODE_ROOT}/{SOURCE.name}")
            _readable(draft)
            _publish(draft, path)
    return Asset(path, note="" if compiler else _without_bytecode(target))


def check_ready_made(settings: Settings) -> Path:
    """The folder of `-c asset=`; SettingsError where another key asks for something to be put into it."""
    assert settings.asset is not None  # noqa: S101 (the caller's branch)
    if settings.packs is not None:
        raise SettingsError("asset", "a ready-made asset has its packs inside; build it with -c packs=.")
    if settings.smart_classes:
        raise SettingsError(
            "asset", "a ready-made asset has its smart classes inside; build it with -c smartClasses=."
        )
    if settings.alerts.reach.text != _shipped(settings.asset / contract.REACH_FILE):
        raise SettingsError("asset", "a ready-made asset has its reach inside; give both the same -c reach=.")
    if settings.sources.file != _shipped(settings.asset / contract.SOURCES_FILE):
        raise SettingsError(
            "asset",
            f"a ready-made asset has its {contract.SOURCES_FILE} inside; give both the same -c sources=.",
        )
    if settings.accounts_file and not (settings.asset / contract.ACCOUNTS_FILE).is_file():
        raise SettingsError(
            "asset", f"this accounts map is large and the asset has no {contract.ACCOUNTS_FILE}."
        )
    return settings.asset


def _shipped(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _wheels(target: Target, compiler: Compiler | None, into: Path) -> Path:
    compiled_by = compiler.name if compiler else "nothing"
    digest = _digest([LOCK.read_text(encoding="utf-8"), target.platform, target.python, compiled_by])
    path = into / f"wheels-{target.name}-{digest}"
    if not path.is_dir():
        with _unfinished(into) as draft:
            platform = ["--python-platform", target.platform] if target.platform else []
            options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
            where = ["--python", sys.executable, "--target", str(draft)]
            version = ["--python-version", target.python, *platform]
            _run(
                "install the locked dependencies",
                [find_uv_bin(), "pip", "install", "--quiet", *where, *version, *options, "-r", str(LOCK)],
            )
            _strip(draft)
            _compile(compiler, target, draft, CODE_ROOT)
            _publish(draft, path)
    return path


def _source_files() -> dict[str, bytes]:
    files = (file for file in SOURCE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(SOURCE.parent)): file.read_bytes() for file in files}


def _pack_files(own: Path | None) -> dict[str, bytes]:
    """Our packs and the installation's own, flat in one folder; one name twice is an error, not a choice."""
    shipped = {file.name: file for file in PACKS.glob("*.json") if file.name not in NOT_PACKS}
    added = {file.name: file for file in own.glob("*.json")} if own else {}
    for name in sorted(shipped.keys() & added.keys()):
        raise SettingsError("packs", f"{added[name]} has the name of one of secgraph's packs; rename it.")
    files = sorted({**shipped, **added}.items())
    return {f"{contract.PACKS_FOLDER}/{name}": file.read_bytes() for name, file in files}


def _strip(folder: Path) -> None:
    for name in ("bin", ".lock"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for metadata in folder.glob("*.dist-info"):
        for name in LEFT_OUT:
            (metadata / name).unlink(missing_ok=True)


def _compiler(target: Target) -> Compiler | None:
    """One that runs the target's version, since bytecode of another would be ignored; None without any."""
    program = str(BYTECODE.with_suffix(".py"))
    if python := _interpreter(target):
        return Compiler("interpreter", (python, "-I", program))
    if (manifest := PYODIDE / "package.json").is_file():
        version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
        return Compiler(f"pyodide {version}", (str(node_executable()), str(BYTECODE.with_suffix(".mjs"))))
    return None


def _interpreter(target: Target) -> str | None:
    if target.python == host().python:
        return sys.executable
    command = [find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", target.python]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() if found.returncode == 0 else None


def _compile(compiler: Compiler | None, target: Target, folder: Path, shown_as: str) -> None:
    if compiler is not None:
        _run("compile the asset", [*compiler.command, str(folder), shown_as, target.python])


def _without_bytecode(target: Target) -> str:
    return (
        "note: the asset ships without bytecode and cold starts take longer: there is neither Python "
        f"{target.python} nor node_modules/pyodide; `make node_modules` and a new synth mend it."
    )


def _readable(folder: Path) -> None:
    """Lambda runs as another user, and the zip keeps the modes of a checkout under a strict umask."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:16]


def _fingerprints(files: Mapping[str, bytes]) -> Iterator[str]:
    for name in sorted(files):
        yield name
        yield hashlib.sha256(files[name]).hexdigest()


@contextmanager
def _unfinished(into: Path) -> Iterator[Path]:
    """A draft folder beside the result, gone afterwards whatever happens."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=into) as folder:
        draft = Path(folder) / "content"
        draft.mkdir()
        yield draft


def _publish(draft: Path, path: Path) -> None:
    """Rename at the end, so that a folder under its final name is always whole."""
    try:
        draft.rename(path)
    except OSError:
        if not path.is_dir():  # otherwise another build of the same input was faster
            raise


def _run(step: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise PackagingError(f"could not {step}:\n{(done.stdout + done.stderr).strip()}")
