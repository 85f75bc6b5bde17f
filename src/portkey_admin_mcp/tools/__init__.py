"""One function per Portkey endpoint, one file per domain."""

from importlib import import_module
from types import ModuleType

from ..domains import DOMAINS


def domain_modules() -> list[ModuleType]:
    """The domains' modules, in the order in which their tools are listed."""
    return [import_module(f"{__name__}.{name}") for name in DOMAINS]
