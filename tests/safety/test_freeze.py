"""A freeze stops all changes at once, everywhere, and only those who may end it."""

import asyncio
import json
import sqlite3

import pytest

from asgi_client import client_of
from portkey_admin_mcp.errors import NotPermitted
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.safety.approvals import Where
from portkey_admin_mcp.safety.door import Call, Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import Freeze
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.pages.approvals import Approvals
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.tools.workspaces import create_workspace
from servers import shared_server

TOKENS = {name: f"token-of-{name}-0123456789" for name in ("ci", "mo")}
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": json.dumps(TOKENS)}
WHY = {"why": "an incident"}


@pytest.fixture
def send(store):
    """Send a request about the freeze: `await send("mo", "DELETE")`; the status and the answer."""

    async def request(name, method, approvers="", **options):
        settings = SafetySettings(**({"MCP_APPROVERS": approvers} if approvers else {}))
        approvals = Approvals(store, settings, Where())
        app = build_http(shared_server(), Hosting(**BEARER), approvals=approvals)
        async with client_of(app) as http:
            headers = {"authorization": f"Bearer {TOKENS[name]}"}
            answer = await http.request(method, "/freeze", headers=headers, **options)
        return answer.status_code, answer.json()

    return request


async def test_a_principal_freezes_and_thaws(send, store):
    assert await send("mo", "GET") == (200, {"freeze": None})
    status, answer = await send("mo", "POST", json=WHY)

    assert status == 200
    assert (answer["freeze"]["by"], answer["freeze"]["why"]) == ("bearer:mo", "an incident")
    assert (await send("ci", "GET"))[1] == answer
    assert (await send("ci", "POST", json={"why": "mine"}))[1] == answer
    assert await send("mo", "DELETE") == (200, {"freeze": None})
    assert await store.freeze() is None


@pytest.mark.parametrize(
    ("name", "approvers", "by", "status", "message"),
    [
        ("ci", "", "bearer:mo", 403, "bearer:mo froze this, so only they end it here"),
        ("ci", "", "local:mo", 403, "local:mo froze this"),
        ("ci", "", "bearer:ci", 200, ""),
        ("mo", "bearer:mo", "local:root", 200, ""),
        ("ci", "bearer:mo", "bearer:ci", 403, "bearer:ci is not an approver"),
    ],
)
async def test_who_may_thaw(send, store, name, approvers, by, status, message):
    await store.set_freeze(Freeze(by, "why", 1))
    answer = await send(name, "DELETE", approvers)

    assert answer[0] == status
    assert message in answer[1].get("message", "")
    assert (await store.freeze() is None) is (status == 200)


async def test_who_is_no_approver_freezes_nothing(send, store):
    assert (await send("ci", "POST", "bearer:mo", json=WHY))[0] == 403
    assert await store.freeze() is None


async def test_a_freeze_stops_the_steps_that_a_running_call_has_not_sent(api, changes, store):
    """The freeze is read before each change, not only at the beginning of a call."""
    model = arguments_model(tool_of(create_workspace))
    checked = read_arguments(model, accepted_schema(model), {"name": "New"})
    tool = tool_of(create_workspace)

    async def two_steps(client):
        await call_flat(tool, client, checked)
        await store.set_freeze(Freeze("mo", "an incident", 1))
        return await call_flat(tool, client, checked)

    door = Door(SafetySettings(PORTKEY_CONFIRM="never"), lambda: store)
    client = api.with_gate(permitted_only)
    with pytest.raises(NotPermitted, match=r"all changes are frozen since .* by mo: an incident"):
        await door.run(Call(tool, checked, client, two_steps))

    assert changes() == ["POST /v1/admin/workspaces"]


async def test_reading_the_freeze_changes_nothing_in_the_file(tmp_path):
    """A write pays a read of some microseconds, and no lock: another process may hold it."""
    store = SqliteStore(tmp_path / "state.db")
    await store.freeze()
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    assert await asyncio.wait_for(store.freeze(), 1) is None
    other.close()
    await store.close()
