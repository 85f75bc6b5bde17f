"""The pytest plugin: the fixture `portkey_emulator`.

pytest loads it at the start of every run in an environment where this package is installed, so it
imports nothing before the fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from . import DEFAULT_NOW, DEFAULT_SEED

if TYPE_CHECKING:
    from .emulator import PortkeyEmulator

MARKER = "portkey_emulator"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the configuration file."""
    parser.addini(
        "portkey_emulator_seed",
        "What the emulated organisation of `portkey_emulator` holds: acme, empty or a seed file",
        default=DEFAULT_SEED,
    )
    parser.addini(
        "portkey_emulator_now",
        "The time at which the clock of `portkey_emulator` stands, in ISO 8601; empty: real time",
        default=DEFAULT_NOW,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "portkey_emulator(seed=None, now=None): what the emulated organisation of this test holds, "
        "and its time, instead of the options portkey_emulator_seed and portkey_emulator_now",
    )


@pytest.fixture(scope="session")
def _portkey_emulator_of_the_session(pytestconfig: pytest.Config) -> "Iterator[PortkeyEmulator]":
    """One emulator, and one server, for all tests of this process."""
    from .emulator import portkey_emulator

    seed = _seed(pytestconfig, pytestconfig.getini("portkey_emulator_seed"))
    now = pytestconfig.getini("portkey_emulator_now") or None
    with portkey_emulator(seed, now) as emulator:
        yield emulator


@pytest.fixture
def portkey_emulator(
    request: pytest.FixtureRequest, _portkey_emulator_of_the_session: "PortkeyEmulator"
) -> "PortkeyEmulator":
    """An emulated Portkey organisation, as new for each test.

    Give `portkey_emulator.base_url` and `portkey_emulator.key()` to the program under test. The
    organisation, faults, recorded requests and time of an earlier test are gone. Server and process
    are shared by all tests, and with pytest-xdist each worker has its own.
    """
    emulator = _portkey_emulator_of_the_session
    marker = request.node.get_closest_marker(MARKER)
    options: dict[str, Any] = {} if marker is None else _options(*marker.args, **marker.kwargs)
    if options.get("seed") is not None:
        options["seed"] = _seed(request.config, options["seed"])
    emulator.reset(**options)
    return emulator


def _options(seed: Any = None, now: Any = None) -> dict[str, Any]:
    """The arguments of the marker, by name."""
    return {"seed": seed, "now": now}


def _seed(config: pytest.Config, seed: Any) -> Any:
    """A seed; the path of a file is relative to the root of the tests."""
    is_file = isinstance(seed, str) and seed.endswith((".yaml", ".yml", ".json"))
    return config.rootpath / seed if is_file else seed
