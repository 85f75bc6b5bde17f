"""A server behind the door, and clients of both protocol generations."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from mcp import Client

from people import Person
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_server


@pytest.fixture
def store() -> SqliteStore:
    return SqliteStore(":memory:")


@pytest.fixture
def guarded(
    connect: Callable[[str], Portkey], store: SqliteStore
) -> Callable[..., AbstractAsyncContextManager[Client]]:
    """A client of a server behind the door: `guarded("legacy", person, PORTKEY_CONFIRM="always")`.

    Without a person the client cannot ask. A reply may be as fast as it likes, unless `min_reply_s`
    says how slow a person is.
    """

    def client(
        generation: str,
        person: Person | None = None,
        *,
        key: str = "owner",
        min_reply_s: float = 0.0,
        policy: PolicyGuard | None = None,
        **settings: Any,
    ) -> AbstractAsyncContextManager[Client]:
        door = Door(SafetySettings(**settings), lambda: store, min_reply_s=min_reply_s)
        api = connect(key).with_gate(permitted_only)
        server = build_server(lambda: api, door=door, policy=policy)
        callback = person.answer if person is not None else None
        return Client(server, mode=generation, elicitation_callback=callback)

    return client


@pytest.fixture
def changes(emulator: Emulator) -> Callable[[], list[str]]:
    """The changes that the emulator has received so far: `DELETE /v1/configs/pc-…`."""
    sent: list[str] = []
    answer = emulator.answer

    def recorded(method: str, target: str, *rest: Any) -> Any:
        if method != "GET":
            sent.append(f"{method} {target.partition('?')[0]}")
        return answer(method, target, *rest)

    emulator.answer = recorded
    return lambda: sent
