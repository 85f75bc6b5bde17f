"""The configurations that the status page shows for each client."""

import json
import shlex

from portkey_admin_mcp.server.http.pages.client_configs import client_configs

ENDPOINT = "https://mcp.acme.example/mcp"


def configurations(with_token):
    return {c.key: c.before + ENDPOINT + c.after for c in client_configs(ENDPOINT, with_token)}


def test_each_configuration_has_the_format_of_its_client():
    configs = configurations(with_token=False)

    assert shlex.split(configs["claude-code"]) == [
        *("claude", "mcp", "add", "--transport", "http", "portkey", ENDPOINT)
    ]
    assert json.loads(configs["cursor"]) == {"mcpServers": {"portkey": {"url": ENDPOINT}}}
    assert json.loads(configs["vs-code"]) == {
        "servers": {"portkey": {"type": "http", "url": ENDPOINT}}
    }
    assert json.loads(configs["windsurf"]) == {"mcpServers": {"portkey": {"serverUrl": ENDPOINT}}}


def test_configurations_name_a_variable_and_do_not_hold_the_token():
    configs = configurations(with_token=True)

    name = "PORTKEY_ADMIN_MCP_TOKEN"
    assert shlex.split(configs["claude-code"])[-2:] == [
        "--header",
        f"Authorization: Bearer ${name}",
    ]
    for key in ("cursor", "windsurf"):
        entry = json.loads(configs[key])["mcpServers"]["portkey"]
        assert entry["headers"] == {"Authorization": f"Bearer ${{env:{name}}}"}
    code = json.loads(configs["vs-code"])
    assert code["inputs"][0]["password"] is True
    reference = f"Bearer ${{input:{code['inputs'][0]['id']}}}"
    assert code["servers"]["portkey"]["headers"] == {"Authorization": reference}
