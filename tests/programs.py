"""Programs that tests start: where they are installed, and which code they run."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
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


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for this signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def children_of(pid: int) -> list[int]:
    """The ids of the processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def children_running(pid: int, command: Sequence[str]) -> list[int]:
    """The ids of those processes that a process has started with this command."""

    def line(child: int) -> bytes:
        try:
            return Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:  # it has ended
            return b""

    expected = b"".join(part.encode() + b"\0" for part in command)
    return [child for child in children_of(pid) if line(child) == expected]
