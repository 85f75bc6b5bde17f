"""A server behind the door with a change journal, on the emulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client

from people import Person
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.journal.changes import find_change, latest_changes
from portkey_admin_mcp.safety.journal.journal import Journal
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import SafetyStore
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_calls


class Journaled:
    """Calls of such a server, as its fast path makes them; nobody is asked."""

    def __init__(
        self, api: Portkey, journal: Journal, store: SafetyStore | None = None, **settings: Any
    ) -> None:
        self.journal = journal
        safety = SafetySettings(**{"PORTKEY_CONFIRM": "never", **settings})
        kept = store or SqliteStore(":memory:")
        door = Door(safety, lambda: kept, lambda: journal, min_reply_s=0.0)
        portkey = api.with_gate(permitted_only)
        self.calls = build_calls(lambda: portkey, door=door)

    async def ask(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that succeeds."""
        outcome = await self.calls(tool, arguments)
        assert not outcome.is_error, outcome.texts[0]
        assert outcome.structured is not None
        return outcome.structured

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """The advice of a call that fails."""
        outcome = await self.calls(tool, arguments)
        assert outcome.is_error, outcome.structured
        return outcome.texts[0]

    async def changes(self, limit: int = 100) -> list[dict[str, Any]]:
        """The changes on record, the newest first."""
        return await latest_changes(self.journal, limit, lambda _change: True)

    async def last(self) -> dict[str, Any]:
        """The last change."""
        return (await self.changes(1))[0]

    async def change(self, id: str) -> dict[str, Any]:
        """One change."""
        found = await find_change(self.journal, id)
        assert found is not None
        return found


@asynccontextmanager
async def client_of(
    server: Journaled, generation: str, person: Person | None = None
) -> AsyncIterator[Client]:
    """A client of the SDK's server with the same calls; the person answers its questions."""
    callback = person.answer if person is not None else None
    server = AdminServer(server.calls)
    async with Client(server, mode=generation, elicitation_callback=callback) as client:
        yield client
