"""A real Redis, and free ports for instances of the service."""

from collections.abc import Callable, Iterator

import pytest

from redis_process import RedisServer, free_port, running_redis


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis for one test."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis for all tests of a module."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def port() -> Callable[[], int]:
    """Returns a free port each time it is called."""
    return free_port
