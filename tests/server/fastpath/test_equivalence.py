"""The fast path and the SDK give the same answers to the same messages.

Valid and invalid messages of both protocol generations are sent twice through the loop that serves
stdio: once with the fast path, and once without. The emulator's clock stands still, so that two
runs give equal answers.
"""

import asyncio
import json
import os
import threading

import pytest
from pydantic import SecretStr

from initialization import INITIALIZED
from mcp_texts import with_equal_marks
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.fastpath.connection import FastPathConnection
from portkey_admin_mcp.server.fastpath.requests import LEGACY_VERSIONS, MODERN_VERSION, recognised
from portkey_admin_mcp.server.stdio.loop import StdioLoop
from portkey_admin_mcp.server.stdio.pipes import Early, Pipes
from portkey_admin_mcp.settings.settings import Settings
from servers import CLIENTS, build_calls, shared_server

from .messages import META, initialize, mutants, numbered, requests

LEGACY = [*requests({}), *mutants({"method": "tools/call",
                                   "params": {"name": "get_user", "arguments": {"user_id": "x"},
                                              "_meta": {"progressToken": 1}}})]  # fmt: skip
MODERN = [*requests(META), *mutants({"method": "tools/list", "params": {"_meta": META}})]
IDS = [{"jsonrpc": "2.0", "id": i, "method": "ping"} for i in ("", "ü", "a" * 300, -1, 2**60)]
ODD = [
    {"jsonrpc": "2.0", "id": "m", "method": "tools/list", "params": {"_meta": META}},
    {"jsonrpc": "2.0", "method": "notifications/no_such"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "nobody"}},
    {"jsonrpc": "2.0", "id": "never-asked", "result": {}},
    {"jsonrpc": "1.0", "id": "old", "method": "ping"},
    {"id": "bare", "method": "ping"},
    initialize() | {"id": "again"},
    [{"jsonrpc": "2.0", "id": "batch", "method": "ping"}],
    "text", 5, None,
]  # fmt: skip
OPENINGS = [
    *([m, {"jsonrpc": "2.0", "id": "then", "method": "tools/list"}] for m in mutants(initialize())),
    *([m] for m in numbered([{"method": "tools/list"}, {"method": "ping"}, {"method": "x"}])),
    [INITIALIZED, initialize(), {"jsonrpc": "2.0", "id": "then", "method": "ping"}],
]
SESSIONS = {
    **{version: [initialize(version), INITIALIZED, *numbered(requests({}))]
       for version in (*LEGACY_VERSIONS, "1999-01-01", MODERN_VERSION)},
    "legacy": [initialize(), INITIALIZED, *numbered(LEGACY), *IDS, *ODD],
    "modern": [*numbered(MODERN), *IDS, *ODD],
    "capable": [initialize(capabilities={"roots": {"listChanged": True}, "sampling": {},
                                         "elicitation": {"form": {}}}),
                INITIALIZED, *numbered([{"method": "tools/list"}])],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _long_drain_timeout(monkeypatch):
    """Answering all messages may take longer than the usual time to drain at the end of input."""
    monkeypatch.setattr("portkey_admin_mcp.server.stdio.loop.DRAIN_TIMEOUT_S", 30)


def test_there_are_many_messages_and_the_fast_path_answers_many_of_them():
    messages = [m for session in [*SESSIONS.values(), *OPENINGS] for m in session]
    recognised_messages = [m for m in messages if recognised(m) is not None]

    assert len(messages) >= 400
    assert len(recognised_messages) >= 150


@pytest.mark.parametrize("name", SESSIONS)
def test_the_fast_path_answers_what_the_sdk_answers(name):
    assert answers_to(SESSIONS[name], with_fast_path=True) == answers_to(
        SESSIONS[name], with_fast_path=False
    )


def test_the_fast_path_answers_what_the_sdk_answers_however_a_connection_opens():
    different = [
        opening
        for opening in OPENINGS
        if answers_to(opening, with_fast_path=True) != answers_to(opening, with_fast_path=False)
    ]

    assert different == []


def answers_to(messages, *, with_fast_path):
    """The answers by id; errors without an id are listed under null, in their order."""
    emulator = Emulator("acme", frozen_time)
    key = SecretStr(emulator.keys()["owner"])
    api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator))
    CLIENTS[:] = [api]
    calls = build_calls(lambda: api)
    fast_path = FastPathConnection(FastPath(calls.offer, calls) if with_fast_path else None)
    answers = through_pipes(messages, fast_path)
    by_id = {}
    for answer in answers:
        key = json.dumps(answer.get("id"))
        by_id.setdefault(key, []).append(answer)
    return by_id


def through_pipes(messages, fast_path):
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    received = []

    def client():
        with os.fdopen(write_in, "wb") as file:
            for message in messages:
                file.write(json.dumps(message).encode() + b"\n")

    def reader():
        with os.fdopen(read_out, "rb") as file:
            received.extend(json.loads(with_equal_marks(line.decode())) for line in file)

    threads = [threading.Thread(target=each) for each in (client, reader)]
    for thread in threads:
        thread.start()
    loop = StdioLoop(Pipes(read_in, write_out), fast_path, shared_server)
    asyncio.run(loop.run(Early(b"", False, b"")))
    os.close(read_in)
    os.close(write_out)
    for thread in threads:
        thread.join(5)
    return received
