"""No call of high risk is sent without a person, and none is lost once the person agrees.

Each tool that may be of high risk is called in each mode, protocol generation and transport, by
each kind of client (`WAYS`): 48 combinations. In code mode nobody is asked whatever the client can
do; half of these calls are without the fast path, which takes all code, and could not ask.
"""

from contextlib import asynccontextmanager
from itertools import product
from typing import NamedTuple

import pytest
from mcp import Client
from pydantic import SecretStr

from asgi_server import serve_app
from drawn_calls import TOOLS
from mcp_texts import texts
from people import GENERATIONS, Person
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.modes.code_run import NOTHING_MORE
from portkey_admin_mcp.server.offer.asking import CallsThatAsk
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from safety.risky_calls import LESS_RISKY, NEEDS_SETUP, RISKY, Finder
from servers import IS_OFF, build_calls
from stdio_client import stdio_in_process

pytestmark = pytest.mark.long

TRANSPORTS = ("stdio", "http")
MODES = ("full", "search", "code")
WAYS = ("agrees", "cannot ask", "declines", "at once")
"""What the client does: a person agrees or declines, nobody can be asked, a program answers."""
NAMES = tuple(RISKY)
ANOTHER_WRITE = "POST /v1/admin/workspaces"


class Combination(NamedTuple):
    """How the tools are called."""

    transport: str
    mode: str
    generation: str
    way: str

    @property
    def has_fast_path(self) -> bool:
        """False for code of clients with a person: the SDK knows how to ask, the fast path not."""
        return self.mode != "code" or self.way not in ("agrees", "declines")


COMBINATIONS = [*map(Combination._make, product(TRANSPORTS, MODES, GENERATIONS, WAYS))]
CODE = [each for each in COMBINATIONS if each.mode == "code"]
ASKING = [each for each in COMBINATIONS if each.mode != "code"]


def test_nothing_is_skipped():
    assert len({*COMBINATIONS}) == 2 * 3 * 2 * 4
    assert {*ASKING} | {*CODE} == {*COMBINATIONS}
    assert len({*NAMES}) == 42


def test_each_tool_that_may_be_of_high_risk_is_called():
    risky = {name for name, tool in TOOLS.items() if tool.may_be_high_risk}

    assert risky == {*RISKY} | {*LESS_RISKY}


class Service:
    """A server behind the door, and its clients."""

    def __init__(self, api, store, combination):
        self.combination = combination
        settings = SafetySettings(PORTKEY_CONFIRM="auto")
        min_reply_s = 1.0 if combination.way == "at once" else 0.0
        door = Door(settings, lambda: store, min_reply_s=min_reply_s)
        api = api.with_gate(permitted_only)
        self._calls = build_calls(lambda: api, mode=combination.mode, door=door)
        may_ask = CallsThatAsk(self._calls.offer, asks_always=False)
        has_fast_path = not IS_OFF and combination.has_fast_path
        self._fast_path = (
            FastPath(self._calls.offer, self._calls, may_ask) if has_fast_path else None
        )
        self.person = {
            "agrees": Person(),
            "cannot ask": None,
            "declines": Person("decline"),
            "at once": Person(),
        }[combination.way]

    @asynccontextmanager
    async def client(self):
        """The official client, which asks the person if there is one."""
        options = {"mode": self.combination.generation}
        if self.person is not None:
            options["elicitation_callback"] = self.person.answer
        if self.combination.transport == "stdio":
            transport = stdio_in_process(self._calls, self._fast_path)
            async with Client(transport, **options) as client:
                yield client
        else:
            with serve_app(self._app) as url:
                async with Client(f"{url}/mcp", **options) as client:
                    yield client

    def _app(self, port):
        hosting = Hosting(MCP_ALLOW_UNAUTHENTICATED_HTTP=True, MCP_PORT=port, MCP_RATE_LIMIT=0)
        return build_http(
            AdminServer(self._calls), hosting, calls=self._calls, fast_path=self._fast_path
        )

    @property
    def questions(self):
        return [] if self.person is None else self.person.questions


@pytest.fixture
def emulator():
    """The emulator alone: other tests judge its answers by Portkey's OpenAPI file."""
    return Emulator("acme", frozen_time)


@pytest.fixture
def reset(emulator, changes):
    """Forget the changes, and undo them: `reset(always=True)` after one that was not recorded."""
    seed = emulator.store.dump()

    def undo(*, always):
        if always or changes():
            emulator.store.load(seed)
        changes().clear()

    return undo


@pytest.fixture
def decisions(combination, tmp_path):
    """The approvals: in memory, or in a file, as a service over HTTP runs in another thread."""
    return SqliteStore(":memory:" if combination.transport == "stdio" else tmp_path / "state.db")


@pytest.fixture
def service(combination, api, decisions):
    is_shared = combination.transport == "stdio"
    return Service(api, decisions if is_shared else SqliteStore(decisions.path), combination)


@pytest.mark.parametrize("combination", ASKING, ids=" ".join)
async def test_a_call_of_high_risk_is_sent_if_and_only_if_a_person_agrees(
    combination, service, emulator, changes, reset, decisions
):
    find = Finder(emulator)
    called = []
    async with service.client() as client:
        for name in NAMES:
            arguments = RISKY[name](find)
            questions_before = len(service.questions)
            if combination.mode == "search":
                call = {"name": name, "arguments": arguments}
                result = await client.call_tool("call_tool", call)
            else:
                result = await client.call_tool(name, arguments)
            text = texts(result)[0]

            is_agreed = combination.way == "agrees"
            assert changes() == (await writes_of(name) if is_agreed else []), name
            assert result.is_error != is_agreed, (name, text)
            if combination.way == "cannot ask":
                (approval,) = [each for each in await decisions.list_open() if each.tool == name]
                assert f"Approval id: {approval.id}" in text, name
            else:
                assert len(service.questions) == questions_before + 1, name
                assert ADVICE[combination.way] in text, name
            reset(always=name in NEEDS_SETUP)
            called.append(name)

    assert tuple(called) == NAMES


ADVICE = {
    "agrees": "",
    "declines": "the user declined",
    "at once": "answered faster than a person reads",
}


@pytest.mark.parametrize("combination", CODE, ids=" ".join)
async def test_code_ends_at_a_call_of_high_risk_whatever_it_catches_and_asks_nobody(
    combination, service, emulator, changes, reset, decisions
):
    find = Finder(emulator)
    called = []
    async with service.client() as client:
        for name in NAMES:
            code = code_of(name, RISKY[name](find))
            result = await client.call_tool("execute", {"code": code})
            (approval,) = [each for each in await decisions.list_open() if each.tool == name]

            assert result.is_error
            text = texts(result)[0]
            assert f"Approval id: {approval.id}" in text, name
            assert NOTHING_MORE in text, name
            assert changes() == [], name
            if combination.way == "agrees":
                await decisions.settle(approval.id, "approved", "mo", "")
                result = await client.call_tool("execute", {"code": code})
                assert not result.is_error, texts(result)
                assert changes() == [*await writes_of(name), ANOTHER_WRITE], name
            reset(always=name in NEEDS_SETUP)
            called.append(name)

    assert service.questions == []
    assert tuple(called) == NAMES


def code_of(name, arguments):
    """Code that calls a tool, catches its error, and then changes something else."""
    return f"""\
try:
    await call_tool({name!r}, {arguments!r})
except BaseException:
    pass
await call_tool("create_workspace", {{"name": "Afterwards"}})
"""


@pytest.mark.parametrize(
    "combination",
    [Combination("stdio", "full", each, "declines") for each in GENERATIONS],
    ids=" ".join,
)
async def test_another_call_of_these_tools_is_sent_and_nobody_is_asked(
    service, emulator, changes, reset
):
    async with service.client() as client:
        for name, arguments_of in LESS_RISKY.items():
            result = await client.call_tool(name, arguments_of(Finder(emulator)))
            assert not result.is_error, (name, texts(result))
            assert changes() == await writes_of(name, LESS_RISKY), name
            reset(always=True)

    assert service.questions == []


async def writes_of(name, calls=RISKY):
    """What the tool itself sends for this call, without a server and its door."""
    if (name, id(calls)) not in WRITES:
        emulator = Emulator("acme", frozen_time)
        sent = []
        answer = InProcess(emulator)

        async def recorded(method, target, headers, body):
            if method != "GET":
                path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
                sent.append(f"{method} {path.partition('?')[0]}")
            return await answer(method, target, headers, body)

        arguments = calls[name](Finder(emulator))
        model = arguments_model(TOOLS[name])
        checked = read_arguments(model, accepted_schema(model), arguments)
        key = SecretStr(emulator.keys()["owner"])
        api = Portkey(Settings(PORTKEY_API_KEY=key), recorded, frozen_time)
        await call_flat(TOOLS[name], api, checked)
        WRITES[name, id(calls)] = sent
    return WRITES[name, id(calls)]


WRITES: dict[tuple[str, int], list[str]] = {}
