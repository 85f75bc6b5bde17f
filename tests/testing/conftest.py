"""An emulator as tests of other programs use it, created once and reset for each test."""

from collections.abc import Iterator

import pytest

from portkey_admin_mcp.testing import PortkeyEmulator, portkey_emulator


@pytest.fixture(scope="module")
def shared() -> Iterator[PortkeyEmulator]:
    with portkey_emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared: PortkeyEmulator) -> PortkeyEmulator:
    shared.reset()
    return shared
