"""`portkey-admin-mcp emulator`: what it prints, where it listens, and what it refuses."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from urllib.request import ProxyHandler, build_opener

from click.testing import CliRunner

from emulator_process import command
from portkey_admin_mcp.cli.command_line import main as command_line
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from programs import tree_environment

TIMEOUT_S = 30
opener = build_opener(ProxyHandler({}))


@contextmanager
def running(folder, *options, **environment):
    """The command, with its first line on standard output."""
    process = subprocess.Popen(
        command(*options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=tree_environment({"HOME": str(folder), **environment}),
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, line.strip()
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


def refused(*options):
    """The exit code and the message of a command that does not start.

    Unless the options name a port, it is one that is taken: the command never serves in here.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = ["--port", str(taken.getsockname()[1])]
        result = CliRunner().invoke(command_line, ["emulator", *port, *options])
    assert result.stdout == ""
    return result.exit_code, result.stderr


def get(url):
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def test_a_free_port_and_a_key_are_printed_as_settings(tmp_path):
    with running(tmp_path, "--port", "0") as (process, line):
        name, _, base_url = line.partition("=")
        assert name == "PORTKEY_BASE_URL"
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/v1", base_url)
        keys = get(base_url.replace("/v1", "/emulator/keys"))
        assert process.stdout.readline() == f"PORTKEY_API_KEY={keys['owner']}\n"
        assert get(base_url.replace("/v1", "/health"))["status"] == "ok"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout) == (0, "")
    assert "Aborted" not in stderr
    assert '"GET /health HTTP/1.1" 200' in stderr
    assert "Generating" not in stderr


def test_a_seed_file_a_time_and_json_from_the_environment(tmp_path):
    (tmp_path / "own.yaml").write_text("start: acme\napi_keys: [{name: ci, key: pk-ci}]")
    options = ("--seed", "own.yaml", "--now", "2026-11-01T00:00:00Z", "--no-traffic", "--json")
    with running(tmp_path, *options, PORTKEY_EMULATOR_PORT="0") as (_process, line):
        announced = json.loads(line)
        assert announced["base_url"] == f"{announced['url']}/v1"
        assert announced["url"] == f"http://{announced['host']}:{announced['port']}"
        assert announced["keys"]["ci"] == "pk-ci"
        assert get(f"{announced['url']}/emulator/clock") == {"now": "2026-11-01T00:00:00.000Z"}
        assert get(f"{announced['url']}/emulator/state")["tables"]["_traffic"] == {}


def test_a_port_that_is_taken_is_named_with_the_cure():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, message = refused("--port", str(port))

    assert code == 1
    assert message == (
        f"Error: port {port} of 127.0.0.1 is in use by another program; choose another with "
        "--port, or a free one with --port 0\n"
    )


def test_an_address_that_is_not_of_this_machine_is_named():
    code, message = refused("--host", "192.0.2.1")

    assert code == 1
    assert message.startswith("Error: cannot listen on 192.0.2.1, port ")


def test_a_wrong_seed_file_is_refused_by_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("configs: [{name: A}]")

    code, message = refused("--seed", "own.yaml")

    assert code == 2
    assert "Invalid value for --seed: own.yaml: configs[0].config: is missing; add it" in message


def test_a_seed_file_does_not_change_a_state_that_holds_an_organisation(tmp_path):
    seed, state = tmp_path / "own.yaml", tmp_path / "own.sqlite"
    seed.write_text("configs: [{name: A, config: {}}]")
    Emulator("empty", frozen_time, state).store.close()

    code, message = refused("--seed", str(seed), "--state", str(state))

    assert code == 2
    assert "already holds an organisation; name a new file, or leave --seed out" in message


def test_progress_is_shown_on_a_terminal(tmp_path):
    reader, terminal = pty.openpty()
    process = subprocess.Popen(
        command("--port", "0"),
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=tree_environment({"HOME": str(tmp_path), "TERM": "xterm"}),
    )
    os.close(terminal)
    try:
        assert b"Generating a month of requests" in os.read(reader, 65536)
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
        os.close(reader)


def test_an_address_of_ipv6_is_printed_as_a_url(tmp_path):
    with running(tmp_path, "--host", "::1", "--port", "0", "--empty") as (_process, line):
        url = line.partition("=")[2]
        assert url.startswith("http://[::1]:")
        assert get(url.replace("/v1", "/health"))["status"] == "ok"
