"""Each private name of the SDK that is used is there, and does what we rely on.

Where one of these fails after an upgrade of `mcp`, server/mcp/sdk_private.py is to be read again.
"""

import inspect
import math
import re
import tomllib
from pathlib import Path

import anyio
import pytest
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.connection import Connection
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp_types import JSONRPCResponse

import portkey_admin_mcp
from portkey_admin_mcp.server.mcp import sdk_private

ROOT = Path(__file__).parents[3]
PACKAGE = Path(portkey_admin_mcp.__file__).parent
MANAGER = ("_server_instances", "_session_owners", "_task_group", "_lifespan_state")
TRANSPORT = ("_event_store", "_requests_in_flight", "_idle_timeout", "idle_scope")


@pytest.fixture
def manager():
    return StreamableHTTPSessionManager(Server("test"))


@pytest.fixture
def transport():
    return StreamableHTTPServerTransport(mcp_session_id="a", idle_timeout=5)


def test_mcp_is_pinned_to_its_minor_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pin,) = [each for each in project["dependencies"] if re.match(r"mcp\b", each)]

    assert re.fullmatch(r"mcp>=2\.3(\.\d+)?,<2\.4", pin)


@pytest.mark.parametrize("name", MANAGER)
def test_the_session_manager_has(manager, name):
    assert hasattr(manager, name)


@pytest.mark.parametrize("name", TRANSPORT)
def test_a_transport_has(transport, name):
    assert hasattr(transport, name)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (StreamableHTTPSessionManager._admit_session, ["self", "requestor"]),
        (
            StreamableHTTPSessionManager._handle_stateless_request,
            ["self", "protocol_version_hint", "scope", "receive", "send"],
        ),
        (Connection.from_envelope, ["protocol_version", "client_info", "client_capabilities"]),
    ],
)
def test_what_is_overridden_or_called_takes_what_it_took(function, parameters):
    assert [*inspect.signature(function).parameters][: len(parameters)] == parameters


def test_the_functions_that_serve_one_request_take_what_they_took():
    assert {"connection", "lifespan_state"} <= {*inspect.signature(serve_connection).parameters}
    assert {"inline_methods", "transport_builder"} <= {
        *inspect.signature(JSONRPCDispatcher.__init__).parameters
    }
    assert TransportContext(kind="streamable-http", can_send_request=False)


def test_the_names_of_the_modules_are_what_they_were():
    assert isinstance(sdk_private.GET_STREAM_KEY, str)
    assert sdk_private.REQUEST_CANCELLED == -32800


async def test_a_session_that_is_admitted_is_found_with_its_owner():
    class OneSession(sdk_private.SessionManager):
        def new_transport(self, owner):
            return sdk_private.HttpTransport(mcp_session_id="s")

    manager = OneSession(Server("test"))
    owner = AuthorizationContext(client_id="ada", issuer=None, subject=None)

    transport = manager._admit_session(owner)

    assert manager.transport_of("s") is transport
    assert manager.owner_of("s") == owner
    assert manager.transports_of(owner) == manager.transports == [transport]
    assert manager.transports_of(None) == []


async def test_a_session_that_is_forgotten_is_not_found():
    manager = sdk_private.SessionManager(Server("test"))
    manager._server_instances["s"] = sdk_private.HttpTransport(mcp_session_id="s")

    manager.forget("s")

    assert (manager.transport_of("s"), manager.owner_of("s")) == (None, None)


async def test_a_transport_that_is_to_end_soon_is_ending():
    transport = sdk_private.HttpTransport(mcp_session_id="s", idle_timeout=5)
    async with transport.connect():
        transport.end_soon()

        assert transport.is_ending


async def test_a_transport_that_is_held_does_not_end_for_want_of_requests():
    transport = sdk_private.HttpTransport(mcp_session_id="s", idle_timeout=5)
    async with transport.connect():
        with transport.held_open():
            assert transport.idle_scope.deadline == math.inf
        assert transport.idle_scope.deadline == pytest.approx(anyio.current_time() + 5, abs=2)


async def test_answers_are_reported_also_those_the_transport_sends_itself():
    answered = []

    class Reporting(sdk_private.HttpTransport):
        def on_answer(self, id):
            answered.append(id)

    transport = Reporting(mcp_session_id="s")
    async with transport.connect() as (_read, write):
        message = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=7, result={}))
        for stream in (write, transport._write_stream):
            with anyio.move_on_after(0.05):
                await stream.send(message)

    assert answered == [7, 7]


def test_no_other_module_uses_a_private_name_of_the_sdk():
    names = "|".join(name[1:] for name in (*MANAGER, *TRANSPORT) if name.startswith("_"))
    private = re.compile(rf"from mcp[\w.]*\._\w+|from mcp\S* import .*\b_\w+|\._(?:{names})\b")
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if private.search(file.read_text(encoding="utf-8"))
    }

    assert users == {"server/mcp/sdk_private.py"}
