"""Tools that send several requests, such as `delete_workspace`: each file of this folder is one.

What they are made of is in the folders below; what several use is in `shared`. A single request of
the same name, if Portkey has one, is in `tools`. Nothing about MCP, and no tool of one request,
belongs here.
"""

from importlib import import_module
from types import ModuleType

from ..domains import WORKFLOWS


def workflow_modules() -> list[ModuleType]:
    """The modules of the workflows."""
    return [import_module(f"{__name__}.{name}") for name in WORKFLOWS]
