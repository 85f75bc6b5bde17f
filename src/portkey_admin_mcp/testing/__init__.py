"""The emulator for the tests of other programs: a context manager, httpx transports, and helpers.

    from portkey_admin_mcp.testing import portkey_emulator

    with portkey_emulator() as emulator:
        client = Portkey(base_url=emulator.base_url, api_key=emulator.key())

What lives here: what tests of others import, which is a public API, and the pytest plugin. It is on
top of the emulator, and no rule of Portkey belongs here. Importing this package loads nothing;
a name is loaded when it is first used. docs/testing.md is the guide.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..emulator.core.recorded import RecordedRequest
    from ..emulator.core.seed_file import SeedError
    from .emulator import ControlError, PortkeyEmulator, portkey_emulator
    from .transports import AsyncEmulatorTransport, EmulatorTransport

DEFAULT_SEED = "acme"
DEFAULT_NOW = "2026-11-02T09:00:00Z"

__all__ = [
    "AsyncEmulatorTransport",
    "ControlError",
    "EmulatorTransport",
    "PortkeyEmulator",
    "RecordedRequest",
    "SeedError",
    "portkey_emulator",
]

_MODULES = {
    "AsyncEmulatorTransport": ".transports",
    "ControlError": ".emulator",
    "EmulatorTransport": ".transports",
    "PortkeyEmulator": ".emulator",
    "RecordedRequest": "..emulator.core.recorded",
    "SeedError": "..emulator.core.seed_file",
    "portkey_emulator": ".emulator",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
