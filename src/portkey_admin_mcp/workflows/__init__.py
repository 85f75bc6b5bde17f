"""Tools made of several requests, one per file."""

from importlib import import_module
from types import ModuleType

from ..domains import WORKFLOWS


def workflow_modules() -> list[ModuleType]:
    """The modules of the workflows."""
    return [import_module(f"{__name__}.{name}") for name in WORKFLOWS]
