"""Tools that send several requests, one per file, such as `delete_workspace`; shared code too.

A module that holds no tool, such as `reads`, is shared code. A single request of the same name, if
Portkey has one, is in `tools`. Nothing about MCP, and no tool of one request, belongs here.
"""

from importlib import import_module
from types import ModuleType

from ..domains import WORKFLOWS


def workflow_modules() -> list[ModuleType]:
    """The modules of the workflows."""
    return [import_module(f"{__name__}.{name}") for name in WORKFLOWS]
