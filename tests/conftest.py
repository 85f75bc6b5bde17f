"""Fixtures on a fresh emulator: `api` calls the client, `call` and `ask` go through MCP."""

import asyncio
import gc
import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.server import Server
from mcp_types import CallToolResult
from pydantic import SecretStr

import openapi
from browser import Chromium
from mcp_texts import unmarked
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from programs import require_program
from servers import CLIENTS, shared_server

# A deadline measures the machine, not the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="Write snapshots anew.")
    parser.addoption("--long", action="store_true", help="Run the tests that take long, too.")


def pytest_configure(config: pytest.Config) -> None:
    """Validate each answer against its record at once, so that a mismatch is in the test's log."""
    logging.getLogger("portkey_admin_mcp.models.core.base").setLevel(logging.DEBUG)
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(ShortReports())


class ShortReports:
    """In a process of pytest-xdist: of a test that passed, only the call is reported.

    Its start, its setup, its teardown and its end would be four more messages, which take longer
    than most tests.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                item.ihook.pytest_runtest_logreport(report=report)
        return True


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what stays until the end: modules, and thousands of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest tests first, so that no worker is left alone with one at the end.

    Without `--long`, they are skipped.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long") is not None:
                item.add_marker(pytest.mark.skip(reason="takes long: `make test-long` runs it"))


@pytest.fixture
def update_snapshots(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-snapshots"))


class JudgedEmulator(Emulator):
    """The emulator; checks each answer of status 200 against Portkey's OpenAPI file."""

    problems: list[str]
    flawless: ClassVar[set[tuple[str, bytes]]] = set()
    """The answers without problems, as operation and digest: many tests get the same ones."""

    def answer(self, method: str, target: str, *rest: Any) -> Any:
        answer = super().answer(method, target, *rest)
        status, _, content = answer
        path = target.partition("?")[0].removeprefix("/v1")
        operation = openapi.operation_of(method, path)
        if operation is not None and status == 200:
            self._check(operation, content)
        return answer

    def _check(self, operation: str, content: bytes) -> None:
        checked = operation, hashlib.sha256(content).digest()
        if checked in self.flawless:
            return
        problems = openapi.problems_of_answer(operation, json.loads(content))
        self.problems += [f"{operation}: {problem}" for problem in problems]
        if not problems:
            self.flawless.add(checked)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The seeded organisation, with the clock stopped at 2026-11-02 09:00 UTC.

    Its answers must match Portkey's OpenAPI file, or be listed in `answers_known.json`.
    """
    judged = JudgedEmulator("acme", frozen_time)
    judged.problems = []
    yield judged
    assert not judged.problems


@pytest.fixture
def connect(emulator: Emulator) -> Callable[[str], Portkey]:
    """A client with a seeded key, by the key's name, or with any other key."""

    def with_key(key: str) -> Portkey:
        secret = SecretStr(emulator.keys().get(key, key))
        return Portkey(Settings(PORTKEY_API_KEY=secret), InProcess(emulator), frozen_time)

    return with_key


@pytest.fixture
def api(connect: Callable[[str], Portkey]) -> Portkey:
    """A client whose key has every scope."""
    return connect("owner")


@pytest.fixture
def server(api: Portkey) -> Server:
    """The MCP server on the emulator, as the official client connects to it in process."""
    CLIENTS[:] = [api]
    return shared_server()


@pytest.fixture(scope="session")
def shared_client() -> Iterator[Callable[..., "Future[CallToolResult]"]]:
    """The official client, connected once to the shared server, in an event loop of its own.

    The client lists all tools before its first call, to check structured content. That takes ten
    times as long as a call, so the tests share one client.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(shared_server())) as client,
    ):
        yield partial(portal.start_task_soon, client.call_tool)


@pytest.fixture
def call(server: Server, shared_client: Callable[..., Any]) -> Callable[..., Any]:
    """Call a tool through MCP."""

    assert server is shared_server()

    async def by_name(tool: str, arguments: dict[str, Any]) -> CallToolResult:
        return await asyncio.wrap_future(shared_client(tool, arguments))

    return by_name


@pytest.fixture
def ask(call: Callable[..., Any]) -> Callable[..., Any]:
    """Call a tool that succeeds, and return its answer as the model reads it."""

    async def answer_of(tool: str, **arguments: Any) -> dict[str, Any]:
        result = await call(tool, arguments)
        text = result.content[0].text
        assert not result.is_error, text
        assert json.loads(unmarked(text)) == result.structured_content
        return result.structured_content

    return answer_of


@pytest.fixture
def refusal(call: Callable[..., Any]) -> Callable[..., Any]:
    """Call a tool that fails, and return the advice as the model reads it."""

    async def advice_of(tool: str, **arguments: Any) -> str:
        result = await call(tool, arguments)
        assert result.is_error, result.content
        return str(result.content[0].text)

    return advice_of


@pytest.fixture
def workspace(emulator: Emulator) -> Callable[[str], str]:
    """The id of a seeded workspace: `Support`, `Science` or `Shared Team Workspace`."""

    def id_of(name: str) -> str:
        workspaces = emulator.store.table("workspaces").rows()
        return next(row["id"] for row in workspaces if row["name"] == name)

    return id_of


@pytest.fixture
def user(emulator: Emulator) -> Callable[[str], str]:
    """The id of a seeded user, by first name: `Ada` is owner, `Ben` admin, the others members."""

    def id_of(first_name: str) -> str:
        users = emulator.store.table("users").rows()
        return next(row["id"] for row in users if row["first_name"] == first_name)

    return id_of


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """The DevTools address of a headless Chromium, which is started once."""
    browser = Chromium(require_program("chromium"))
    yield browser.address
    browser.close()
