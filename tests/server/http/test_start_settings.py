"""`http` starts despite variables of other programs, and refuses its own if they are wrong."""

import logging
import subprocess

import httpx2
import pytest

from http_service import TOKEN, running_service, wait_for_port
from portkey_admin_mcp.assembly import require_access_control
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.logging import MaskingFormatter
from portkey_admin_mcp.settings.settings import Settings
from programs import COMMAND, tree_environment


def test_variables_of_other_programs_do_not_stop_a_start(port):
    number = port()
    foreign = {
        "LOG_LEVEL": "verbose",
        "LOG_FORMAT": "pretty",
        "SSL_CERT_FILE": "/nowhere.pem",
        "SSL_CERT_DIR": "/nowhere",
        "MCP_PORT": "tcp://10.0.0.1:3000",
        "PORT": str(number),
        "REDIS_URL": "https://redis.example",
    }
    with running_service(number, "--sandbox", **foreign) as served:
        wait_for_port(number)

        assert httpx2.get(f"http://127.0.0.1:{number}/health").status_code == 200

        for name in ("LOG_LEVEL", "LOG_FORMAT", "SSL_CERT_FILE", "SSL_CERT_DIR", "MCP_PORT"):
            assert f": {name} is ignored: " in served.stderr
        assert "REDIS_URL" not in served.stderr
        assert served.stderr.count(" WARNING ") == 5


@pytest.mark.parametrize(
    "variables",
    [
        {"MCP_AUTH_TOKEN": f"Bearer {TOKEN}"},
        {"MCP_PUBLIC_BASE_URL": "https://mcp.example.com/mcp"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_a_wrong_setting_ends_the_command_with_one_sentence(variables):
    process = subprocess.run(
        [*COMMAND, "http", "--sandbox"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=tree_environment(variables),
    )

    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith(f"Error: {next(iter(variables))} ")
    assert process.stderr.endswith(".\n")
    assert process.stderr.count("\n") == 1
    assert TOKEN not in process.stderr


def test_the_secrets_of_the_service_are_masked_in_logs_before_it_serves(monkeypatch, caplog):
    formatter = MaskingFormatter("text", ())
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler, caplog.handler])
    hosting = Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN=TOKEN, MCP_HOST="0.0.0.0")

    require_access_control(Settings(), hosting)

    line = logging.makeLogRecord({"name": "any", "msg": f"the token is {TOKEN}"})
    assert formatter.format(line).endswith("the token is ***")
