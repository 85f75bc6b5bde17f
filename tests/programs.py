"""Programs that tests start: where they are installed, and which code they run."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
COMMAND = [sys.executable, "-m", "portkey_admin_mcp"]
"""Runs the command `portkey-admin-mcp` of this tree, with the environment of `tree_environment`."""


def require_program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails if REQUIRE_REAL_PARTS=1."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path:
        return path
    if os.environ.get("REQUIRE_REAL_PARTS") == "1":
        pytest.fail(f"{name} is not installed, and REQUIRE_REAL_PARTS=1")
    pytest.skip(f"{name} is not installed")


def tree_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a Python process runs the code beside these tests.

    It holds PATH, PYTHONPATH and `variables`, and nothing else is inherited. Without PYTHONPATH the
    process would run whatever is installed, and a changed copy would go untested. A PYTHONPATH in
    `variables` is searched after this tree.
    """
    environment = {"PATH": os.environ["PATH"], **(variables or {})}
    paths = [str(SRC), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment
