"""The express lane and the SDK give the same answers to the same messages.

A corpus of messages, valid and not, of both eras, is played twice through the loop that serves
stdio: with the lane, and without. What differs between two runs by nature is none: the emulator's
clock stands still.
"""

import asyncio
import copy
import json
import os
import threading
from functools import cache

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.api import Portkey
from portkey_admin_mcp.emulator.app import Emulator, InProcess
from portkey_admin_mcp.emulator.store import frozen_time
from portkey_admin_mcp.server.app import build_server
from portkey_admin_mcp.server.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.express.calls import Calls
from portkey_admin_mcp.server.express.connection import LaneConnection
from portkey_admin_mcp.server.express.lane import Lane
from portkey_admin_mcp.server.express.manifest import LISTS, Manifest
from portkey_admin_mcp.server.express.requests import (
    CAPABILITIES_KEY,
    INFO_KEY,
    LEGACY_VERSIONS,
    MODERN_VERSION,
    VERSION_KEY,
    recognised,
)
from portkey_admin_mcp.server.stdio_loop import StdioLoop
from portkey_admin_mcp.settings import Settings

MANIFEST = Manifest.load()
CLIENT = {"name": "corpus", "version": "1"}
META = {VERSION_KEY: MODERN_VERSION, CAPABILITIES_KEY: {}, INFO_KEY: CLIENT}
WRONG = (None, 0, 1.5, True, "x", [], {}, [1], {"a": 1})
"""Values that are put in the place of others."""


def initialize(version=LEGACY_VERSIONS[-1], **more):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT, **more}
    return {"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": params}


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
CALLS = [
    ("list_workspaces", {}),
    ("list_workspaces", {"page_size": 1, "fields": "*"}),
    ("list_workspaces", {"page_size": "2", "current_page": 1}),
    ("list_workspaces", {"page_size": 0}),
    ("list_workspaces", {"no_such": 1}),
    ("list_api_keys", {"format": "csv"}),
    ("list_all_users", {"role": "emperor"}),
    ("get_user", {}),
    ("get_user", {"user_id": "nobody"}),
    ("create_collection", {"name": "Grüße 🔬", "workspace_id": "nowhere"}),
    ("create_workspace", {"name": "New", "description": "ü\u2028"}),
    ("update_workspace", {"workspace_id": "x"}),
    ("create_config", {"name": "x", "config": {"cache": {"mode": "simple"}}, "retry_attempts": 1}),
    ("list_audit_logs", {}),
    ("validate_completion_metadata", {"client_id": "a", "app": "b", "env": "dev"}),
    ("render_prompt", {"prompt_id": "x", "variables": {}}),
    ("get_cost_analytics", {"time_of_generation_min": "2026-10-01T00:00:00Z",
                            "time_of_generation_max": "2026-11-03T00:00:00Z"}),
    ("no_such_tool", {}),
    ("list_workspace", {}),
    ("", {}),
]  # fmt: skip


def requests(meta):
    """Plain requests: what the lane is for, and what it leaves to the SDK."""
    params = {"_meta": meta} if meta else {}
    for method in (*LISTS, "ping", "server/discover", "logging/setLevel", "no/such", "tools/call"):
        yield {"method": method, "params": params}
        yield {"method": method, "params": {**params, "cursor": "x"}}
    if not meta:
        yield from ({"method": method} for method in (*LISTS, "ping"))
    for name, arguments in CALLS:
        yield {"method": "tools/call", "params": {**params, "name": name, "arguments": arguments}}
    yield {"method": "tools/call", "params": {**params, "name": "list_all_users"}}
    for name in ("audit_access", "no_such_prompt"):
        yield {"method": "prompts/get", "params": {**params, "name": name}}
    for uri in ("portkey://guides/errors", "portkey://no/such"):
        yield {"method": "resources/read", "params": {**params, "uri": uri}}
    for token in (1, "a", 1.5, True, None, {}):
        with_token = {**meta, "progressToken": token}
        yield {"method": "tools/list", "params": {"_meta": with_token}}
        yield call_of("list_all_users", with_token)


def call_of(name, meta):
    return {"method": "tools/call", "params": {"name": name, "arguments": {}, "_meta": meta}}


def mutants(message):
    """A message with one thing wrong: each value replaced, each field left out or added."""
    for path in paths(message):
        for value in WRONG:
            yield changed(message, path, value)
        yield changed(message, path, ...)
    yield {**message, "extra": 1}
    yield changed(message, ("params",), {**message["params"], "extra": 1})


def paths(value, before=()):
    for name, inner in value.items():
        if (*before, name) not in (("id",), ("jsonrpc",)):
            yield (*before, name)
        if isinstance(inner, dict):
            yield from paths(inner, (*before, name))


def changed(message, path, value):
    result = copy.deepcopy(message)
    place = result
    for name in path[:-1]:
        place = place[name]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


def numbered(messages):
    return [{"jsonrpc": "2.0", "id": number, **m} for number, m in enumerate(messages, 1)]


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
def patient(monkeypatch):
    """A burst of messages may take longer than a client waits for that leaves."""
    monkeypatch.setattr("portkey_admin_mcp.server.stdio_loop.DRAIN_TIMEOUT_S", 30)


def test_the_corpus_is_large_and_much_of_it_is_the_lanes():
    messages = [m for session in [*SESSIONS.values(), *OPENINGS] for m in session]
    answered = [m for m in messages if recognised(m) is not None]

    assert len(messages) >= 400
    assert len(answered) >= 150


@pytest.mark.parametrize("name", SESSIONS)
def test_the_lane_says_what_the_sdk_says(name):
    assert played(SESSIONS[name], with_lane=True) == played(SESSIONS[name], with_lane=False)


def test_however_a_connection_opens_the_lane_says_what_the_sdk_says():
    different = [
        opening
        for opening in OPENINGS
        if played(opening, with_lane=True) != played(opening, with_lane=False)
    ]

    assert different == []


class PipesOf:
    """The two ends of a process's pipes that the loop works with."""

    def __init__(self, read, write):
        self.input = read
        self.output = write


API = []
"""The client of the API that the server asks, which differs from play to play."""


@cache
def server():
    return build_server(lambda: API[-1])


def played(messages, *, with_lane):
    """Every answer by its id, and the errors without one in their order."""
    emulator = Emulator("acme", frozen_time)
    key = SecretStr(emulator.keys()["owner"])
    api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator))
    calls = Calls(MANIFEST, lambda: api, MAX_RESULT_CHARS)
    lane = LaneConnection(Lane(MANIFEST, calls) if with_lane else None)
    API.append(api)
    answers = through_pipes(messages, lane)
    by_id = {}
    for answer in answers:
        key = json.dumps(answer.get("id"))
        by_id.setdefault(key, []).append(answer)
    return by_id


def through_pipes(messages, lane):
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    got = []

    def client():
        with os.fdopen(write_in, "wb") as file:
            for message in messages:
                file.write(json.dumps(message).encode() + b"\n")

    def reader():
        with os.fdopen(read_out, "rb") as file:
            got.extend(json.loads(line) for line in file)

    threads = [threading.Thread(target=each) for each in (client, reader)]
    for thread in threads:
        thread.start()
    loop = StdioLoop(PipesOf(read_in, write_out), lane, server)
    asyncio.run(loop.run(b"", False))
    os.close(read_in)
    os.close(write_out)
    for thread in threads:
        thread.join(5)
    return got
