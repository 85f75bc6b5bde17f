"""Programs that tests need and a machine may lack: redis-server, nginx, chromium."""

import os
import shutil

import pytest


def require_program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails if REQUIRE_REAL_PARTS=1."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found:
        return found
    if os.environ.get("REQUIRE_REAL_PARTS") == "1":
        pytest.fail(f"{name} is not installed, and REQUIRE_REAL_PARTS=1")
    pytest.skip(f"{name} is not installed")
