"""What the tests of deployment share: the repository's files, and a server that is waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from programs import require_program

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Where the deployment files are."""
    return ROOT


@pytest.fixture(scope="session")
def nginx() -> str:
    """Debian's nginx."""
    return require_program("nginx")


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Wait for something to become true, ten seconds at most."""

    async def wait(true: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + 10
        while not await true():
            assert time.monotonic() < deadline, "it did not come"
            await asyncio.sleep(0.02)

    return wait
