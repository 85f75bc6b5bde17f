"""One function for each endpoint of Portkey, one file for each domain.

A function is a declaration with the body `...`; a tool of several requests is in `workflows`.
"""

from importlib import import_module
from types import ModuleType

from ..domains import DOMAINS


def domain_modules() -> list[ModuleType]:
    """The domains' modules, in the order in which their tools are listed."""
    return [import_module(f"{__name__}.{name}") for name in DOMAINS]
