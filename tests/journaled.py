"""A server behind the door with a change journal, on the emulator."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client

from mcp_texts import texts
from people import Person
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.journal.changes import find_change, latest_changes
from portkey_admin_mcp.safety.journal.journal import Journal
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_server


class Journaled:
    """A client of such a server; asks nobody, unless a person is given."""

    def __init__(self, client: Client, journal: Journal) -> None:
        self.client = client
        self.journal = journal

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that succeeds."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, texts(result)[0]
        return result.structured_content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """The advice of a call that fails."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        return texts(result)[0]

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
async def journaled(
    connect: Callable[[str], Portkey],
    journal: Journal | None = None,
    person: Person | None = None,
    generation: str = "2026-07-28",
    **settings: Any,
) -> AsyncIterator[Journaled]:
    """A server with a journal, in memory unless one is given."""
    kept = journal or SqliteJournal(":memory:")
    if person is None:
        settings = {"PORTKEY_CONFIRM": "never", **settings}
    door = Door(
        SafetySettings(**settings),
        lambda store=SqliteStore(":memory:"): store,
        lambda: kept,
        min_reply_s=0.0,
    )
    api = connect("owner").with_gate(permitted_only)
    callback = person.answer if person is not None else None
    server = build_server(lambda: api, door=door)
    async with Client(server, mode=generation, elicitation_callback=callback) as client:
        yield Journaled(client, kept)
    if journal is None:
        await kept.close()
