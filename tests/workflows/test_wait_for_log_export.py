"""Waiting for a log export: with progress, on every transport, until it or the patience ends.

The export ends when the first progress arrives, so that a test waits for nothing else.
"""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from mcp import Client

from asgi_server import serve_app
from portkey_admin_mcp.errors import Forbidden
from portkey_admin_mcp.models.log_exports import ExportDraft, ExportPatience
from portkey_admin_mcp.portkey.progress import Progress, current_progress, report_progress
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.tools.log_exports import create_log_export, start_log_export
from portkey_admin_mcp.workflows.wait_for_log_export import wait_for_log_export
from servers import build_calls, hosted
from stdio_client import stdio_in_process

DRAFT = {
    "time_min": "2026-10-28T00:00:00Z",
    "time_max": "2026-10-29T00:00:00Z",
    "requested_fields": ["id", "cost"],
}


@pytest.fixture
async def draft(api, workspace):
    """The id of an export that was not started."""
    body = ExportDraft.model_validate({**DRAFT, "workspace_id": workspace("Support")})
    return (await create_log_export(api, body)).id


@pytest.fixture
async def running(api, draft):
    """The id of an export that runs until `finish` ends it."""
    await start_log_export(api, draft)
    return draft


@pytest.fixture
def finish(emulator, running):
    def end(status="success"):
        path = f"/emulator/exports/{running}/finish"
        code, _headers, _body = emulator.answer(
            "POST", path, {}, f'{{"status": "{status}"}}'.encode()
        )
        assert code == 200

    return end


@asynccontextmanager
async def stdio(api, mode):
    calls = build_calls(lambda: api)
    transport = stdio_in_process(calls, FastPath(calls.offer, calls))
    async with Client(transport, mode=mode) as client:
        yield client


@asynccontextmanager
async def http(api, mode, **variables):
    def app(port):
        hosting = Hosting(
            MCP_ALLOW_UNAUTHENTICATED_HTTP=True, MCP_PORT=port, MCP_RATE_LIMIT=0, **variables
        )
        return hosted(lambda: api, hosting, fast_path=True)

    with serve_app(app) as url:
        async with Client(f"{url}/mcp", mode=mode) as client:
            yield client


CONNECTIONS = {
    "stdio, legacy": lambda api: stdio(api, "legacy"),
    "stdio, modern": lambda api: stdio(api, "auto"),
    "HTTP, legacy": lambda api: http(api, "legacy"),
    "HTTP, without sessions": lambda api: http(api, "legacy", MCP_SESSION_MODE="stateless"),
    "HTTP, modern": lambda api: http(api, "auto"),
}


@pytest.mark.parametrize("name", CONNECTIONS)
async def test_a_client_that_asks_for_progress_gets_it_until_the_export_ends(
    api, running, finish, name
):
    reports = []

    async def on_progress(done, total, message):
        if not reports:
            finish()
        reports.append((done, total, message))

    async with CONNECTIONS[name](api) as client:
        result = await client.call_tool(
            "wait_for_log_export",
            {"export_id": running, "max_wait_s": 5},
            progress_callback=on_progress,
        )
        quiet = await client.call_tool(
            "wait_for_log_export", {"export_id": running, "max_wait_s": 1}
        )

    answer = result.structured_content
    assert (answer["id"], answer["status"]) == (running, "success")
    assert "`download_log_export`" in answer["next"]
    assert "in_progress" in reports[0][2]
    assert [done for done, _total, _message in reports] == sorted({each[0] for each in reports})
    assert len(reports) == 2
    assert quiet.structured_content["status"] == "success"


@pytest.mark.parametrize("name", ["stdio, legacy", "HTTP, legacy", "HTTP, modern"])
async def test_nothing_is_read_any_more_once_the_client_has_given_up(
    api, running, emulator, monkeypatch, name
):
    monkeypatch.setattr("portkey_admin_mcp.workflows.wait_for_log_export.FIRST_PAUSE_S", 0.05)
    begun = asyncio.Event()

    async def on_progress(_done, _total, _message):
        begun.set()

    async with CONNECTIONS[name](api) as client:
        call = asyncio.ensure_future(
            client.call_tool(
                "wait_for_log_export", {"export_id": running}, progress_callback=on_progress
            )
        )
        await asyncio.wait_for(begun.wait(), 10)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.sleep(0.2)
        reads = len(emulator.log)
        await asyncio.sleep(0.9)

    assert len(emulator.log) == reads


@pytest.mark.parametrize(
    ("status", "tool"), [("success", "download_log_export"), ("failed", "start_log_export")]
)
async def test_an_export_that_has_ended_is_answered_at_once(ask, running, finish, status, tool):
    finish(status)
    answer = await ask("wait_for_log_export", export_id=running)

    assert answer["status"] == status
    assert f"`{tool}`" in answer["next"]
    assert answer["known_by"] == "get_log_export, read 1 times"


async def test_a_draft_and_a_stopped_export_are_not_waited_for(ask, draft):
    answer = await ask("wait_for_log_export", export_id=draft)
    assert (answer["status"], answer["waited_s"]) == ("draft", 0.0)
    assert "`start_log_export`" in answer["next"]

    await ask("start_log_export", export_id=draft)
    await ask("cancel_log_export", export_id=draft)
    answer = await ask("wait_for_log_export", export_id=draft)
    assert "`create_log_export`" in answer["next"]


async def test_when_the_time_is_up_the_answer_says_that_it_still_runs(ask, running):
    started = time.monotonic()
    answer = await ask("wait_for_log_export", export_id=running, max_wait_s=1)

    assert answer["status"] == "in_progress"
    assert "`wait_for_log_export` again" in answer["next"]
    assert answer["known_by"] == "get_log_export, read 3 times"
    assert 0.9 <= time.monotonic() - started < 5


async def test_an_error_while_waiting_says_how_the_export_was(api, running, emulator):
    async def on_progress(_done, _total, _message):
        emulator.answer("POST", "/emulator/faults", {}, b'{"answers": [{"status": 403}]}')

    current_progress.set(Progress(on_progress))
    with pytest.raises(Forbidden) as error:
        await wait_for_log_export(api, running, ExportPatience())

    assert "in_progress at the last read" in error.value.__notes__[-1]


async def test_an_unknown_export_is_refused_with_the_tool_that_lists_them(refusal):
    assert "list_log_exports" in await refusal("wait_for_log_export", export_id="nothing")


async def test_progress_grows_and_is_not_sent_too_often():
    reports = []

    async def on_progress(*report):
        reports.append(report)

    current_progress.set(Progress(on_progress, min_interval_s=60))
    for done in (1, 2, 1, 5, 5):
        await report_progress(done, 5, f"{done} of 5")

    assert reports == [(1, 5, "1 of 5"), (5, 5, "5 of 5")]


async def test_without_anybody_who_waits_a_report_does_nothing():
    current_progress.set(None)
    await report_progress(1, 2, "nobody hears this")
