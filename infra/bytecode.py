"""A folder, the path that tracebacks name instead, a Python version in; `__pycache__` beside all sources out.

    python -I infra/bytecode.py FOLDER SHOWN_AS VERSION     run by an interpreter of that version, or
    node infra/bytecode.mjs FOLDER SHOWN_AS VERSION         by Pyodide where the machine has none

A program on its own, with nothing but the standard library: it runs in another Python than the rest of infra.
"""

from __future__ import annotations

import compileall
import sys
from py_compile import PycInvalidationMode


def main(folder: str, shown_as: str, version: str) -> int:
    """0; 1 where a source does not compile; 2 in another Python, whose bytecode would be ignored."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if running != version:
        print(f"bytecode for Python {version} is wanted, and this is {running}", file=sys.stderr)  # noqa: T201
        return 2
    # By hash and unchecked: Lambda trusts the bytecode without reading the source, and the same source gives
    # the same bytes, so the asset's hash does not move with file times.
    mode = PycInvalidationMode.UNCHECKED_HASH
    return 0 if compileall.compile_dir(folder, ddir=shown_as, quiet=1, invalidation_mode=mode) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
