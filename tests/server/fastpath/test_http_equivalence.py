"""Over HTTP too, the fast path and the SDK give the same answers to the same requests.

The fast path sends JSON where the SDK sends a stream with one event. This is the only difference,
and a client must accept both.
"""

import asyncio
import json
import threading
from contextlib import ExitStack
from functools import cache

import pytest
from pydantic import SecretStr

from asgi_server import plain_client, serve_app
from initialization import INITIALIZED
from mcp_texts import with_equal_marks
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.fastpath.requests import LEGACY_VERSIONS, MODERN_VERSION
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

from .messages import META, initialize, mutants, numbered, requests

ACCEPT = {"accept": "application/json, text/event-stream"}
MODERN_CALL = {
    "method": "tools/call",
    "params": {"name": "get_user", "arguments": {"user_id": "x"}, "_meta": META},
}


def serve(*, with_fast_path, transport=None, **variables):
    """A service on the emulator, or on another transport; with or without the fast path."""

    def app(port):
        emulator = Emulator("acme", frozen_time)
        key = SecretStr(emulator.keys()["owner"])
        api = Portkey(Settings(PORTKEY_API_KEY=key), transport or InProcess(emulator))
        defaults = {
            "MCP_ALLOW_UNAUTHENTICATED_HTTP": True,
            "MCP_PORT": port,
            "RATE_LIMIT_ENABLED": False,
        }
        hosting = Hosting(**{**defaults, **variables})
        return hosted(lambda: api, hosting, fast_path=with_fast_path)

    return serve_app(app)


@pytest.fixture(scope="module")
def address():
    """The address of a service on the emulator, by its session mode and its path.

    Each is started once: the tests only read, and compare services that get the same requests.
    """
    with ExitStack() as services:

        @cache
        def address_of(mode, with_fast_path):
            service = serve(with_fast_path=with_fast_path, MCP_SESSION_MODE=mode)
            return services.enter_context(service)

        yield address_of


def modern_headers(message):
    params = message.get("params")
    fields = params if isinstance(params, dict) else {}
    name = fields.get("name", fields.get("uri"))
    name_header = {"mcp-name": name} if isinstance(name, str) and name.isascii() else {}
    method = message.get("method")
    return {
        "mcp-protocol-version": MODERN_VERSION,
        **({"mcp-method": method} if isinstance(method, str) else {}),
        **name_header,
    }


def read(response):
    """The status of a response, and the JSON-RPC answer in it, as a client reads them."""
    text = with_equal_marks(response.text)
    if "event-stream" in response.headers.get("content-type", ""):
        lines = text.split("\n")
        answers = [json.loads(li[6:]) for li in lines if li.startswith("data: {")]
        return response.status_code, answers[-1] if answers else None
    try:
        return response.status_code, json.loads(text)
    except ValueError:
        return response.status_code, text


async def post_all(http, messages, headers_of):
    answers = []
    for message in messages:
        response = await http.post("/mcp", json=message, headers={**ACCEPT, **headers_of(message)})
        answers.append(read(response))
    return answers


async def different_answers(address, mode, messages, headers_of):
    answers = []
    for with_fast_path in (True, False):
        async with plain_client(base_url=address(mode, with_fast_path), timeout=30) as http:
            answers.append(await post_all(http, messages, headers_of))
    return [(m, a, b) for m, a, b in zip(messages, *answers, strict=True) if a != b]


@pytest.mark.parametrize("version", ["", LEGACY_VERSIONS[0], LEGACY_VERSIONS[-1], "1999-01-01"])
async def test_without_sessions_the_fast_path_answers_what_the_sdk_answers(address, version):
    headers = {"mcp-protocol-version": version} if version else {}
    messages = [initialize(), *numbered(requests({})), INITIALIZED]

    assert await different_answers(address, "stateless", messages, lambda _message: headers) == []


@pytest.mark.parametrize("mode", ["stateless", "stateful"])
async def test_in_the_modern_generation_the_fast_path_answers_what_the_sdk_answers(address, mode):
    messages = numbered([*requests(META), *mutants(MODERN_CALL)])

    assert await different_answers(address, mode, messages, modern_headers) == []


WRONG_HEADERS = [
    {"accept": "application/json"},
    {"accept": "*/*"},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-8"},
    {"mcp-session-id": "nobody"},
    {"mcp-protocol-version": LEGACY_VERSIONS[-1]},
    {"mcp-method": "tools/list"},
    {"mcp-name": "list_users"},
    {"mcp-name": "=?base64?Z2V0X3VzZXI=?="},
    {"mcp-param-x": "1"},
]


@pytest.mark.parametrize("more", WRONG_HEADERS, ids=str)
async def test_unusual_headers_get_the_answer_of_the_sdk(address, more):
    messages = numbered([MODERN_CALL])

    assert (
        await different_answers(
            address,
            "stateless",
            messages,
            lambda message: {**modern_headers(message), **more},
        )
        == []
    )


async def test_in_a_session_the_fast_path_answers_what_the_sdk_answers(address):
    answers = []
    messages = numbered(requests({}))
    for with_fast_path in (True, False):
        async with plain_client(base_url=address("stateful", with_fast_path), timeout=30) as http:
            session = await opened(http)
            answers.append(await post_all(http, messages, lambda _m, s=session: s))

    assert [(m, a, b) for m, a, b in zip(messages, *answers, strict=True) if a != b] == []


async def opened(http):
    response = await http.post("/mcp", json=initialize(), headers=ACCEPT)
    session = {"mcp-session-id": response.headers["mcp-session-id"]}
    await http.post("/mcp", json=INITIALIZED, headers={**ACCEPT, **session})
    return session


CALL = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "list_workspaces", "arguments": {}},
}


@pytest.mark.parametrize("with_fast_path", [True, False])
async def test_a_cancelled_call_in_a_session_is_answered_as_cancelled(with_fast_path):
    started = threading.Event()

    async def never(*_request):
        started.set()
        await asyncio.sleep(60)

    cancel = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": CALL["id"]},
    }
    with serve(with_fast_path=with_fast_path, transport=never) as url:
        async with plain_client(base_url=url, timeout=30) as http:
            session = {**ACCEPT, **(await opened(http))}
            call = asyncio.ensure_future(http.post("/mcp", json=CALL, headers=session))
            assert await asyncio.to_thread(started.wait, 30)
            cancelled = await http.post("/mcp", json=cancel, headers=session)
            status, answer = read(await call)

    assert cancelled.status_code == 202
    assert (status, answer["error"]["code"]) == (200, -32800)


@pytest.mark.parametrize(
    ("with_fast_path", "event_store"), [(True, "off"), (False, "off"), (True, "memory")]
)
async def test_an_id_in_use_in_a_session_is_refused(with_fast_path, event_store):
    started, second_is_answered = threading.Event(), threading.Event()

    async def slow(*_request):
        started.set()
        await asyncio.to_thread(second_is_answered.wait, 30)
        return 200, {}, b'{"total": 1}'

    variables = {"transport": slow, "MCP_EVENT_STORE": event_store}
    with serve(with_fast_path=with_fast_path, **variables) as url:
        async with plain_client(base_url=url, timeout=30) as http:
            session = {**ACCEPT, **(await opened(http))}
            first = asyncio.ensure_future(http.post("/mcp", json=CALL, headers=session))
            assert await asyncio.to_thread(started.wait, 30)
            second = read(await http.post("/mcp", json=CALL, headers=session))
            second_is_answered.set()
            first_answer = read(await first)

    assert (second[0], second[1]["error"]["code"]) == (400, -32600)
    assert first_answer[1]["result"]["structuredContent"] == {"total": 1}


async def test_a_session_belongs_to_its_principal_only():
    tokens = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": {"ann": "a" * 32, "bob": "b" * 32}}
    with serve(with_fast_path=True, **tokens) as url:
        async with plain_client(base_url=url, timeout=30) as http:
            ann = {**ACCEPT, "authorization": f"Bearer {'a' * 32}"}
            response = await http.post("/mcp", json=initialize(), headers=ann)
            session = {"mcp-session-id": response.headers["mcp-session-id"]}
            own = await http.post("/mcp", json=CALL, headers={**ann, **session})
            bob = {**ann, "authorization": f"Bearer {'b' * 32}", **session}
            others = await http.post("/mcp", json=CALL, headers=bob)
            unauthenticated = await http.post("/mcp", json=CALL, headers={**ACCEPT, **session})

    assert own.status_code == 200
    assert (others.status_code, unauthenticated.status_code) == (404, 401)


async def test_answers_that_can_be_resumed_come_from_the_sdk():
    with serve(with_fast_path=True, MCP_EVENT_STORE="memory") as url:
        async with plain_client(base_url=url, timeout=30) as http:
            session = {**ACCEPT, **(await opened(http))}
            response = await http.post("/mcp", json=CALL, headers=session)

    assert "event-stream" in response.headers["content-type"]
    assert "\nid: " in response.text or response.text.startswith("id: ")


PROMPTS = {"jsonrpc": "2.0", "id": "prompts", "method": "prompts/list"}
NAMELESS = {"jsonrpc": "2.0", "id": "prompt", "method": "prompts/get", "params": {"name": "none"}}
"""A request that only the SDK answers."""


@pytest.mark.parametrize("with_fast_path", [True, False])
async def test_a_slash_after_mcp_changes_nothing(address, with_fast_path):
    async with plain_client(base_url=address("stateful", with_fast_path), timeout=30) as http:
        greeting = await http.post("/mcp/", json=initialize(), headers=ACCEPT)
        session = {**ACCEPT, "mcp-session-id": greeting.headers["mcp-session-id"]}
        at_both = [
            [
                read(await http.post(path, json=message, headers=session))
                for message in (CALL, PROMPTS, NAMELESS)
            ]
            for path in ("/mcp/", "/mcp")
        ]
        async with http.stream("GET", "/mcp/", headers=session) as stream:
            statuses = [stream.status_code]
        statuses.append((await http.delete("/mcp/", headers=session)).status_code)
        statuses.append((await http.post("/mcp", json=CALL, headers=session)).status_code)

    assert at_both[0] == at_both[1]
    assert [status for status, _ in at_both[0]] == [200] * 3
    assert statuses == [200, 200, 404]


@pytest.mark.parametrize("with_fast_path", [True, False])
@pytest.mark.parametrize("version", ["", MODERN_VERSION])
async def test_several_accept_headers_are_one_list(address, with_fast_path, version):
    two = [("accept", "application/json"), ("accept", "text/event-stream")]
    messages = numbered([MODERN_CALL]) if version else [CALL, NAMELESS]
    async with plain_client(base_url=address("stateless", with_fast_path), timeout=30) as http:
        del http.headers["accept"]
        for message in messages:
            more = modern_headers(message) if version else {}
            answer = await http.post("/mcp", json=message, headers=[*two, *more.items()])
            assert answer.status_code == 200, answer.text
            if with_fast_path and message is CALL:
                assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("with_fast_path", [True, False])
@pytest.mark.parametrize("mode", ["stateless", "stateful"])
async def test_a_request_with_an_invalid_id_is_refused_and_a_notification_is_not(
    address, with_fast_path, mode
):
    async with plain_client(base_url=address(mode, with_fast_path), timeout=30) as http:
        session = await opened(http) if mode == "stateful" else {}
        refused = [
            read(await http.post("/mcp", json={**message, "id": id}, headers=head))
            for id in (1.5, None, True, [])
            for message, head in (
                (CALL, {**ACCEPT, **session}),
                (CALL | MODERN_CALL, {**ACCEPT, **modern_headers(MODERN_CALL)}),
            )
        ]
        null = {**INITIALIZED, "id": None}
        accepted = await http.post("/mcp", json=null, headers={**ACCEPT, **session})

    assert {(status, answer["error"]["code"]) for status, answer in refused} == {(400, -32600)}
    assert accepted.status_code == 202
