"""Fixtures of the tests of deployment: the repository's files, nginx, and waiting."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from programs import require_program

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository, with the deployment files."""
    return ROOT


@pytest.fixture(scope="session")
def nginx() -> str:
    """The path of nginx."""
    return require_program("nginx")


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Wait until a condition is true, for ten seconds at most."""

    async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + 10
        while not await condition():
            assert time.monotonic() < deadline, "the condition did not become true"
            await asyncio.sleep(0.02)

    return wait
