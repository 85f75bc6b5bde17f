"""`portkey-admin-mcp http`: an address that cannot be used is named with the cure."""

import socket

import pytest

SERVICE = {
    "PORTKEY_API_KEY": "a-key-of-the-tests",
    "MCP_AUTH_MODE": "bearer",
    "MCP_AUTH_TOKEN": "a-token-of-the-tests",
    "MCP_SESSION_MODE": "stateless",
}


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--host", "localhost")], ids=" ".join)
def test_a_port_that_is_taken_is_named_with_the_cure(run, options):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("http", "--port", str(port), *options, **SERVICE)

    host = "localhost" if "localhost" in options else "127.0.0.1"
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: port {port} of {host} is in use by another program; choose another with --port "
        "or MCP_PORT"
    )


def test_an_address_that_is_not_of_this_machine_is_named(run):
    result = run("http", "--host", "192.0.2.1", **SERVICE)

    assert result.exit_code == 1
    assert "Error: cannot listen on 192.0.2.1, port 3000: " in result.stderr
