"""Tools made of several requests, one per file; files that are no tool hold what they share.

The request of the same name, if there is one, is in `tools`. No MCP, and no tool of one request.
"""

from importlib import import_module
from types import ModuleType

from ..domains import WORKFLOWS


def workflow_modules() -> list[ModuleType]:
    """The modules of the workflows."""
    return [import_module(f"{__name__}.{name}") for name in WORKFLOWS]
