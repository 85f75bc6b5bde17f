"""Fixtures that send requests to the emulator, without the client."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator_process import control as control_process
from emulator_process import emulator as emulator_process
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.seed import seeded_state
from portkey_admin_mcp.emulator.core.store import frozen_time

Reply = tuple[int, Any]
ROOTED = ("/v2/", "/v0.1/", "/model-configs/", "/pricing/")
"""The beginnings of paths outside `/v1`."""


@pytest.fixture(autouse=True, scope="session")
def _no_test_changes_the_seeded_rows() -> Iterator[None]:
    """Emulators share the rows of a seed: check at the end that no test changed them."""
    yield
    shared = seeded_state("acme", frozen_time())
    assert json.dumps(shared) == json.dumps(seeded_state.__wrapped__("acme", frozen_time()))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an emulator in a process of its own, started once for all tests.

    Its clock stands, so that after each reset it need not generate another month of requests.
    """
    with emulator_process(
        tmp_path_factory.mktemp("emulator"), "--now", "2026-11-02T09:00:00"
    ) as url:
        yield url


@pytest.fixture
def url(served: str) -> str:
    """The URL of an emulator that was reset."""
    control_process(served, "POST reset")
    return served


@pytest.fixture
def send(emulator: Emulator) -> Callable[..., Reply]:
    """Send a request with a seeded key (by name), another key, or (None) no key."""

    def request(endpoint: str, body: Any = None, *, key: str | None = "owner") -> Reply:
        method, target = endpoint.split()
        headers = {} if key is None else {"x-portkey-api-key": emulator.keys().get(key, key)}
        content = b"" if body is None else json.dumps(body).encode()
        path = target if target.startswith(ROOTED) else f"/v1{target}"
        status, _headers, answer = emulator.answer(method, path, headers, content)
        return status, json.loads(answer)

    return request


@pytest.fixture
def ok(send: Callable[..., Reply]) -> Callable[..., Any]:
    """Send a request that must succeed, and return the answer."""

    def request(endpoint: str, body: Any = None, *, key: str | None = "owner") -> Any:
        status, answer = send(endpoint, body, key=key)
        assert status == 200, answer
        return answer

    return request


@pytest.fixture
def refused(send: Callable[..., Reply]) -> Callable[..., tuple[int, str]]:
    """Send a request that must be refused, and return its status and Portkey's error code."""

    def request(endpoint: str, body: Any = None, *, key: str | None = "owner") -> tuple[int, str]:
        status, answer = send(endpoint, body, key=key)
        assert status >= 400, answer
        return status, answer["data"]["errorCode"]

    return request


@pytest.fixture
def control(emulator: Emulator) -> Callable[..., Any]:
    """Send a control request."""

    def request(endpoint: str, body: Any = None) -> Any:
        method, path = endpoint.split()
        content = b"" if body is None else json.dumps(body).encode()
        status, _headers, answer = emulator.answer(method, f"/emulator/{path}", {}, content)
        assert status == 200, answer
        return json.loads(answer)

    return request


@pytest.fixture
def new_key(ok: Callable[..., Any]) -> Callable[..., str]:
    """The secret of a new key with only these scopes."""

    def scoped(*scopes: str, workspace: str | None = None) -> str:
        kind = "organisation" if workspace is None else "workspace"
        body = {"name": "New", "scopes": scopes, "workspace_id": workspace}
        return str(ok(f"POST /api-keys/{kind}/service", body)["key"])

    return scoped


@pytest.fixture
def key_id(emulator: Emulator) -> Callable[[str], str]:
    """The id of a seeded key, by its name."""

    def named(name: str) -> str:
        rows = emulator.store.table("api_keys").rows()
        return next(row["id"] for row in rows if row.get("_seed") == name)

    return named
