"""The server card (SEP-2127) and the AI catalog, as the service answers them."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from asgi_client import client_of
from portkey_admin_mcp import __version__
from portkey_admin_mcp.server.fastpath.requests import MODERN_VERSION
from portkey_admin_mcp.server.http.pages.paths import AI_CATALOG, DOCUMENTS, SERVER_CARD
from portkey_admin_mcp.server.http.pages.server_card import DESCRIPTION
from portkey_admin_mcp.settings.hosting import Hosting
from servers import build_server, hosted

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/server-card.schema.json").read_text())
ISSUER = "https://login.acme.example"
PUBLIC = {"MCP_PUBLIC_BASE_URL": "https://mcp.acme.example", "MCP_ALLOWED_HOSTS": "127.0.0.1"}
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": "a-token-of-the-tests"}
OIDC = {"MCP_AUTH_MODE": "oidc", "MCP_OIDC_ISSUER": ISSUER, "MCP_OIDC_AUDIENCE": "mcp"}
METADATA = "https://mcp.acme.example/.well-known/oauth-protected-resource/mcp"


def no_portkey():
    raise AssertionError("a document needs no request to Portkey")


def service(**variables):
    return client_of(hosted(no_portkey, Hosting(**{**PUBLIC, **variables})))


async def card_of(**variables):
    async with service(**variables) as client:
        answer = await client.get(SERVER_CARD)
    assert answer.headers["content-type"] == "application/mcp-server-card+json"
    card = answer.json()
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(card)
    return card


async def test_the_card_says_what_the_server_says_when_it_is_asked():
    card = await card_of(**BEARER)
    (remote,) = card["remotes"]
    async with Client(build_server(no_portkey)) as client:
        said = client.server_info

    assert card["name"] == "example.acme.mcp/portkey-admin-mcp"
    assert card["version"] == said.version == __version__
    assert card["description"] == DESCRIPTION
    assert remote["url"] == "https://mcp.acme.example/mcp"
    assert remote["supportedProtocolVersions"][-1] == MODERN_VERSION
    assert "tools" not in card


async def test_every_version_of_the_card_is_served():
    (remote,) = (await card_of())["remotes"]
    head = {"accept": "application/json, text/event-stream"}
    for version in remote["supportedProtocolVersions"][:-1]:
        params = {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        app = hosted(no_portkey, Hosting(MCP_SESSION_MODE="stateless", MCP_EVENT_STORE="off"))
        async with client_of(app) as client:
            answer = await client.post("/mcp", json=message, headers=head)
        assert answer.json()["result"]["protocolVersion"] == version


@pytest.mark.parametrize(
    ("variables", "headers", "authentication"),
    [
        ({}, {}, {"scheme": "none"}),
        (BEARER, {"Authorization": True}, {"scheme": "bearer"}),
        (OIDC, {}, {"scheme": "oauth2", "resourceMetadata": METADATA}),
        (
            {**BEARER, "PORTKEY_KEY_MODE": "caller"},
            {"Authorization": True, "X-Portkey-Api-Key": True},
            {"scheme": "bearer"},
        ),
        (
            {**OIDC, "PORTKEY_KEY_MODE": "either"},
            {"X-Portkey-Api-Key": False},
            {"scheme": "oauth2", "resourceMetadata": METADATA},
        ),
    ],
    ids=["none", "bearer", "oauth", "own key", "own key or not"],
)
async def test_the_card_says_how_to_sign_in_and_no_secret(variables, headers, authentication):
    card = await card_of(**variables)
    (remote,) = card["remotes"]

    named = {header["name"]: header["isRequired"] for header in remote.get("headers", [])}
    assert named == headers
    assert all(header["isSecret"] for header in remote.get("headers", []))
    assert card["_meta"] == {"portkey-admin/authentication": authentication}
    assert "a-token-of-the-tests" not in json.dumps(card)


@pytest.mark.parametrize(
    ("url", "name", "host"),
    [
        ("https://mcp.acme.example:8443", "example.acme.mcp", "mcp.acme.example"),
        ("http://127.0.0.1:3000", "localhost", "127.0.0.1"),
        ("http://[::1]:3000", "localhost", "::1"),
        ("http://localhost:3000", "localhost", "localhost"),
    ],
)
async def test_the_card_is_named_by_the_host(url, name, host):
    card = await card_of(MCP_PUBLIC_BASE_URL=url)
    async with service(MCP_PUBLIC_BASE_URL=url) as client:
        (entry,) = (await client.get(AI_CATALOG)).json()["entries"]

    assert card["name"] == f"{name}/portkey-admin-mcp"
    assert entry["identifier"] == f"urn:air:{host}:mcp:portkey-admin-mcp"
    assert entry["url"] == f"{url}/mcp/server-card"


async def test_the_catalog_leads_to_the_card():
    async with service() as client:
        answer = await client.get(AI_CATALOG)
        (entry,) = answer.json()["entries"]
        card = await client.get(entry["url"].removeprefix("https://mcp.acme.example"))

    assert answer.headers["content-type"] == "application/ai-catalog+json"
    assert answer.json()["specVersion"] == "1.0"
    assert entry.keys() == {"identifier", "type", "url"}
    assert card.headers["content-type"] == entry["type"]


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
@pytest.mark.parametrize("variables", [{}, BEARER], ids=["open", "bearer"])
async def test_pages_of_every_origin_read_it_without_a_token(path, variables):
    origin = {"Origin": "https://anywhere.example"}
    async with service(**variables) as client:
        answer = await client.get(path, headers=origin)
        head = await client.head(path, headers=origin)
        preflight = await client.options(
            path, headers={**origin, "Access-Control-Request-Method": "GET"}
        )
        refused = await client.get("/auth/info", headers=origin)

    assert (answer.status_code, head.status_code, preflight.status_code) == (200, 200, 204)
    assert head.headers["etag"] == answer.headers["etag"]
    for each in (answer, head, preflight):
        assert each.headers["access-control-allow-origin"] == "*"
        assert "If-None-Match" in each.headers["access-control-allow-headers"]
        assert each.headers["access-control-expose-headers"] == "ETag"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "vary" not in answer.headers
    assert refused.status_code == 403


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
async def test_who_has_it_is_told_so(path):
    async with service() as client:
        tag = (await client.get(path)).headers["etag"]

        async def status(*values):
            answer = await client.get(path, headers=[("If-None-Match", v) for v in values])
            assert answer.headers["etag"] == tag
            assert bool(answer.content) == (answer.status_code == 200)
            return answer.status_code

        assert await status(tag) == 304
        assert await status(f'"other", W/{tag}') == 304
        assert await status('"other"', tag) == 304
        assert await status("*") == 304
        assert await status('"other"') == 200
        assert await status(tag.strip('"')) == 200


async def test_the_tag_is_of_the_content():
    async with service() as one, service() as same, service(**BEARER) as other:
        tags = [(await each.get(SERVER_CARD)).headers["etag"] for each in (one, same, other)]

    assert tags[0] == tags[1] != tags[2]


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
async def test_a_foreign_host_and_a_write_are_refused(path):
    async with service() as client:
        foreign = await client.get(path, headers={"Host": "evil.example"})
        write = await client.post(path, headers={"Origin": "https://anywhere.example"})
        mine = await client.post(path)

    assert foreign.status_code == 421
    assert write.status_code == 403
    assert mine.status_code == 405


async def test_it_is_rate_limited_as_other_pages():
    async with service(RATE_LIMIT_MAX_REQUESTS=2) as client:
        statuses = [(await client.get(SERVER_CARD)).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
