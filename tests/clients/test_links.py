"""One-click links, read as the applications read them."""

import base64
import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from portkey_admin_mcp.clients.links import app_links, web_links
from portkey_admin_mcp.clients.servers import KEY_VARIABLE, HostedServer, LocalServer, Secret

SERVERS = {
    "program": LocalServer("uvx", ("portkey-admin-mcp",), secrets=(Secret(KEY_VARIABLE),)),
    "address": HostedServer("https://mcp.acme.example/mcp?tools=users,configs", Secret("T")),
    "path": LocalServer("/Users/Ada Lövelace/100+1/p", ("--sandbox",)),
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_cursor_reads_the_configuration_in_base64(server):
    app, web = urlsplit(app_links(server)["cursor"].address), urlsplit(web_links(server)["cursor"])

    assert (app.scheme, app.netloc, app.path) == (
        *("cursor", "anysphere.cursor-deeplink", "/mcp/install"),
    )
    assert (web.scheme, web.netloc, web.path) == ("https", "cursor.com", "/install-mcp")
    assert app.query == web.query
    query = parse_qs(app.query, strict_parsing=True)
    assert query["name"] == ["portkey"]
    entry = json.loads(base64.b64decode(query["config"][0], validate=True))
    if isinstance(server, LocalServer):
        assert (entry["command"], entry["args"]) == (server.command, [*server.arguments])
        assert entry["env"]["PORTKEY_TOOL_MODE"] == "search"
    else:
        assert entry["url"] == server.url


@pytest.mark.parametrize("key", ["vscode", "vscode-insiders"])
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_vs_code_reads_one_object_in_the_query(server, key):
    link = app_links(server)[key].address

    scheme, _, rest = link.partition(":")
    path, _, query = rest.partition("?")
    assert (scheme, path) == (key, "mcp/install")
    # It decodes the query twice: as a URI, and by itself.
    content = json.loads(unquote(unquote(query)))
    assert content["name"] == "portkey"
    assert content["type"] == ("stdio" if isinstance(server, LocalServer) else "http")
    settings = content.get("env", {})
    assert (settings.get("PORTKEY_TOOLSETS") == "default,governance") == (
        isinstance(server, LocalServer)
    )
    secrets = len(server.secrets)
    assert [each["password"] for each in content.get("inputs", [])] == [True] * secrets


@pytest.mark.parametrize("key", ["vscode", "vscode-insiders"])
def test_the_redirect_to_vs_code_has_the_same_content(key):
    query = parse_qs(urlsplit(web_links(SERVERS["program"])[key]).query, strict_parsing=True)

    content = {"name": query["name"][0], **json.loads(query["config"][0])}
    content["inputs"] = json.loads(query["inputs"][0])
    assert content == json.loads(app_links(SERVERS["program"])[key].content)
    assert query.get("quality") == (["insiders"] if key == "vscode-insiders" else None)
