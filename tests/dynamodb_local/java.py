"""The `java` of this machine → its path, if DynamoDB Local can run on it. Run, it exits with 0 or says no."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import Final

OLDEST: Final = 17


def java() -> str | None:
    """Give the path of Java 17 or newer; None if there is none."""
    path = shutil.which("java")
    if path is None:
        return None
    told = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=60, check=False)
    version = re.search(r'version "(\d+)', told.stderr)
    return path if version and int(version[1]) >= OLDEST else None


if __name__ == "__main__":
    sys.exit(None if java() else f"There is no Java {OLDEST} or newer on this machine.")
