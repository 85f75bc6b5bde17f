"""Programs that tests start: where they are installed, and which code they run."""

import os
import shutil
from pathlib import Path

import pytest


def require_program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails if REQUIRE_REAL_PARTS=1."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path:
        return path
    if os.environ.get("REQUIRE_REAL_PARTS") == "1":
        pytest.fail(f"{name} is not installed, and REQUIRE_REAL_PARTS=1")
    pytest.skip(f"{name} is not installed")


def tree_environment() -> dict[str, str]:
    """The variables with which a Python process runs the code beside these tests.

    Without them it would run whatever is installed, and a changed copy would go untested.
    """
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src")}
