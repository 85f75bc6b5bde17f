"""Answers that are cut at every byte: never a success, whichever form an answer has."""

import json
import ssl

import pytest
import stamina

from faulty_server import CLOSE, RESET, FaultyServer, cuts
from portkey_admin_mcp.errors import OutcomeUnknown, UnexpectedAnswer
from portkey_admin_mcp.models.api_keys import ApiKeyFilter
from portkey_admin_mcp.models.workspaces import WorkspaceDeletion
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.http.answer import BrokenAnswer
from portkey_admin_mcp.portkey.http.http1 import Http1
from portkey_admin_mcp.portkey.http.proxied import ProxyClient
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import load_settings
from portkey_admin_mcp.tools.api_keys import list_api_keys
from portkey_admin_mcp.tools.workspaces import delete_workspace

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LIST = json.dumps({"object": "list", "total": 1, "data": [{"id": "k-1", "name": "A"}]}).encode()
DONE = b"{}"


def forms(body: bytes) -> dict[str, bytes]:
    """An answer with this body in each form that HTTP has for its end."""
    half = len(body) // 2
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])]
    return {
        "length": HEAD + b"content-length: %d\r\n\r\n" % len(body) + body,
        "chunked": HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n",
        "closed": HEAD + b"connection: close\r\n\r\n" + body,
    }


FORMS = list(forms(b""))
LIMITS = 2, 1_000_000, ssl.create_default_context


async def is_success(request) -> bool:
    """Whether `Portkey` would report a success; it reads an empty body as an empty object."""
    try:
        _status, _headers, body = await request
    except BrokenAnswer:
        return False
    try:
        json.loads(body.strip() or b"{}")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_cut_answer_is_no_success(form, verb):
    answer = forms(LIST)[form]
    http = Http1(*LIMITS)

    async with FaultyServer() as server:
        for cut in cuts(answer):
            server.script([cut, CLOSE])
            assert not await is_success(http.request(verb, server.url, {}, None)), cut
        server.script([answer, CLOSE])
        assert await is_success(http.request(verb, server.url, {}, None))
    http.close()


@pytest.mark.parametrize("form", FORMS)
async def test_nor_is_one_that_ends_with_a_reset(form):
    answer = forms(LIST)[form]
    http = Http1(*LIMITS)

    async with FaultyServer() as server:
        for cut in cuts(answer)[::5]:
            server.script([cut, RESET])
            assert not await is_success(http.request("GET", server.url, {}, None)), cut
    http.close()


@pytest.mark.parametrize("form", FORMS)
async def test_nor_is_one_on_a_connection_that_was_kept(form):
    first, answer = forms(b"{}")["length"], forms(LIST)[form]
    http = Http1(*LIMITS)

    async with FaultyServer() as server:
        for cut in cuts(answer)[::5]:
            server.script([first], [cut, CLOSE])
            assert await is_success(http.request("POST", server.url, {}, b"{}"))
            assert not await is_success(http.request("POST", server.url, {}, b"{}")), cut
    http.close()


@pytest.mark.parametrize("form", FORMS)
async def test_nor_is_one_through_a_proxy(form):
    answer = forms(LIST)[form]
    http = ProxyClient(*LIMITS)

    async with FaultyServer() as server:
        for cut in cuts(answer):
            server.script([cut, CLOSE])
            request = http.request(server.origin, "DELETE", "http://portkey.example/", {}, None)
            assert not await is_success(request), cut
    await http.close()


@pytest.fixture
async def portkey():
    """A client for a server, whose reads are repeated without a pause."""
    networks = []

    def to(server: FaultyServer) -> Portkey:
        settings = load_settings(
            PORTKEY_API_KEY="a-key",
            PORTKEY_BASE_URL=server.url,
            PORTKEY_ALLOW_PRIVATE_BASE_URL=True,
            PORTKEY_ALLOW_INSECURE_HTTP=True,
        )
        networks.append(Network(settings))
        return Portkey(settings, networks[-1])

    with stamina.set_testing(True, attempts=4, cap=True):
        yield to
    for network in networks:
        await network.close()


@pytest.mark.parametrize("form", FORMS)
async def test_a_list_that_was_cut_is_read_again_or_reported(form, portkey):
    answer = forms(LIST)[form]

    async with FaultyServer() as server:
        api = portkey(server)
        for cut in cuts(answer):
            server.script([cut, CLOSE], [answer, CLOSE])
            try:
                page = await list_api_keys(api, ApiKeyFilter())
            except UnexpectedAnswer:
                # Without a length, only the JSON shows that it was cut, and it came with success.
                assert form == "closed" and cut.partition(b"\r\n\r\n")[2]
            else:
                assert len(server.requests) == 2
                assert [key.id for key in page.data] == ["k-1"]


@pytest.mark.parametrize("form", FORMS)
async def test_a_deletion_whose_answer_was_cut_is_unknown_and_not_repeated(form, portkey):
    answer = forms(b'{"success":true}')[form]

    async with FaultyServer() as server:
        api = portkey(server)
        for cut in cuts(answer):
            server.script([cut, CLOSE], [answer, CLOSE])
            with pytest.raises((OutcomeUnknown, UnexpectedAnswer)) as caught:
                await delete_workspace(api, "ws-1", WorkspaceDeletion(name="Support"))
            assert len(server.requests) == 1
            if caught.type is UnexpectedAnswer:
                assert form == "closed" and cut.partition(b"\r\n\r\n")[2]
