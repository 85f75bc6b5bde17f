"""What clients are configured with."""

import json
import shlex

from portkey_admin_mcp.server.http.pages.client_configs import client_configs

ENDPOINT = "https://mcp.acme.example/mcp"


def configurations(with_token):
    return {c.key: c.before + ENDPOINT + c.after for c in client_configs(ENDPOINT, with_token)}


def test_configurations_are_of_the_form_each_client_reads():
    found = configurations(with_token=False)

    assert shlex.split(found["claude-code"]) == [
        *("claude", "mcp", "add", "--transport", "http", "portkey", ENDPOINT)
    ]
    assert json.loads(found["cursor"]) == {"mcpServers": {"portkey": {"url": ENDPOINT}}}
    assert json.loads(found["vs-code"]) == {
        "servers": {"portkey": {"type": "http", "url": ENDPOINT}}
    }
    assert json.loads(found["windsurf"]) == {"mcpServers": {"portkey": {"serverUrl": ENDPOINT}}}


def test_configurations_say_where_the_token_comes_from_and_do_not_hold_it():
    found = configurations(with_token=True)

    name = "PORTKEY_ADMIN_MCP_TOKEN"
    assert shlex.split(found["claude-code"])[-2:] == ["--header", f"Authorization: Bearer ${name}"]
    for key in ("cursor", "windsurf"):
        entry = json.loads(found[key])["mcpServers"]["portkey"]
        assert entry["headers"] == {"Authorization": f"Bearer ${{env:{name}}}"}
    code = json.loads(found["vs-code"])
    assert code["inputs"][0]["password"] is True
    reference = f"Bearer ${{input:{code['inputs'][0]['id']}}}"
    assert code["servers"]["portkey"]["headers"] == {"Authorization": reference}
