"""The server's own tools: about changes, not about an endpoint of Portkey. One per file."""

from importlib import import_module
from types import ModuleType

from ...domains import OWN_TOOLS


def own_modules() -> list[ModuleType]:
    """The modules of these tools, in the order in which they are listed."""
    return [import_module(f"{__name__}.{name}") for name in OWN_TOOLS]
