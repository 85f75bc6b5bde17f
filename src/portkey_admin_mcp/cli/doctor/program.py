"""The program itself: its version, Python, and the optional packages."""

import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from ... import __version__
from .findings import Area, Finding

AREA = Area("program")
OLDEST = (3, 11)
EXTRAS = {"code": ("pydantic_monty", "code mode"), "otel": ("opentelemetry", "traces")}
"""Optional packages: the extra that brings each, a module of it, and what needs it."""


def check_program() -> Iterator[Finding]:
    """The version, where it is installed, and what is not."""
    yield AREA.ok("version", f"portkey-admin-mcp {__version__}, in {sys.prefix}")
    version = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        yield AREA.failed(
            "Python", version, "Install Python 3.11 or newer, and this program in it."
        )
    else:
        yield AREA.ok("Python", version)
    for extra, (module, purpose) in EXTRAS.items():
        if find_spec(module) is None:
            install = f"`pip install 'portkey-admin-mcp[{extra}]'`"
            yield AREA.skipped(f"extra {extra}", f"not installed; {purpose} needs it: {install}")
        else:
            yield AREA.ok(f"extra {extra}", f"installed, for {purpose}")
