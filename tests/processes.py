"""Start processes that run the code of this tree, also where another copy is installed."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
COMMAND = [sys.executable, "-m", "portkey_admin_mcp"]
"""What stands for the installed command `portkey-admin-mcp`; needs `tree_environment`."""


def tree_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process: PATH, this tree's `src` in PYTHONPATH, and `variables`.

    Nothing else is inherited. A PYTHONPATH in `variables` is searched after this tree.
    """
    environment = {"PATH": os.environ["PATH"], **(variables or {})}
    paths = [str(SRC), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment
