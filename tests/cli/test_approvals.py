"""`approvals`, `approve`, `deny`, `freeze` and `thaw`, as a person types them on this machine."""

import asyncio
import io
import json
import os
import pty
import pwd
import sys
import time
from dataclasses import replace

import click
import pytest
from starlette.responses import JSONResponse

from asgi_server import serve_app
from portkey_admin_mcp.cli.agents import AGENT_VARIABLES
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.clients.launcher import typed_command
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import PENDING_S, Approval, Freeze

ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
NAME = "jo\x1b[2J@acme.example"
SHOWN_NAME = "jo\\x1b[2J@acme.example"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in (*AGENT_VARIABLES, "MCP_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTKEY_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def in_store(tmp_path):
    """Runs a method of the store that the commands use: `in_store("find", id)`."""
    store = SqliteStore(tmp_path / "state.db")
    yield lambda method, *arguments: asyncio.run(getattr(store, method)(*arguments))
    asyncio.run(store.close())


@pytest.fixture
def pending_request(in_store):
    """A request that waits."""
    now = time.time()
    preview = {"risk": "high", "object": {"name": NAME}}
    request = Approval(
        id="0a1b2c3d",
        call="call",
        binding="binding",
        tool="delete_user",
        label=NAME,
        preview=json.dumps(preview, ensure_ascii=False),
        requester="local",
        created_at=now,
        expires_at=now + PENDING_S,
    )
    return in_store("request", request)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in which a person types a line: `terminal("jo@acme.example")`."""
    opened = []

    def type_line(line):
        ours, theirs = pty.openpty()
        os.write(ours, f"{line}\n".encode())
        opened.extend([ours, stdin := os.fdopen(theirs, encoding="utf-8")])
        monkeypatch.setattr(sys, "stdin", stdin)

    yield type_line
    for each in opened:
        os.close(each) if isinstance(each, int) else each.close()


def run(*arguments):
    main([*arguments], standalone_mode=False)


def fails(*arguments):
    """The message of a command that ends with an error, and its exit code."""
    with pytest.raises((click.ClickException, click.Abort)) as failure:
        run(*arguments)
    return str(getattr(failure.value, "message", "aborted")), getattr(failure.value, "exit_code", 1)


def test_the_list_shows_what_each_would_do_without_changing_the_terminal(
    pending_request, capsys, tmp_path
):
    run("approvals")

    shown = capsys.readouterr().out
    assert '  Delete user: "jo\\u001b[2J@acme.example"\n  Risk: high.\n' in shown
    assert "0a1b2c3d  asked for by local at 20" in shown
    assert "{" not in shown
    assert f"1 open request in {tmp_path / 'state.db'}." in shown
    assert f"Settle one: {typed_command()} approve ID, or deny ID." in shown
    assert "\x1b" not in shown


def test_the_list_is_json_for_programs(pending_request, capsys):
    run("approvals", "--json")

    (approval,) = json.loads(capsys.readouterr().out)["approvals"]
    assert (approval["id"], approval["name"], approval["state"]) == ("0a1b2c3d", NAME, "pending")


def test_without_requests_the_list_says_where_it_looked(capsys, tmp_path):
    run("approvals", "--sandbox")

    assert capsys.readouterr().out == f"No open requests in {tmp_path / 'sandbox.db'}.\n"


@pytest.mark.parametrize("line", [NAME, SHOWN_NAME, f"  {SHOWN_NAME} "])
def test_who_types_the_name_approves_it_as_the_users_name(
    pending_request, in_store, terminal, capsys, line
):
    terminal(line.replace("\x1b", "\x16\x1b"))  # a terminal takes ^V before a control character
    run("approve", "0a1b2c3d")

    assert "Approved. The same call of delete_user passes once, within 60 minutes." in (
        capsys.readouterr().out
    )
    decided = in_store("take", "call", "binding")
    assert (decided.state, decided.settled_by) == ("approved", ME)


def test_yes_spares_the_name_but_not_the_terminal(pending_request, in_store, terminal):
    assert "at a terminal" in fails("approve", "0a1b2c3d", "--yes")[0]
    assert in_store("find", "0a1b2c3d").state == "pending"

    terminal("")
    run("approve", "0a1b2c3d", "--yes")
    assert in_store("find", "0a1b2c3d").state == "approved"


@pytest.mark.parametrize("variable", AGENT_VARIABLES)
@pytest.mark.parametrize("command", [["approve", "0a1b2c3d"], ["thaw"]])
def test_a_shell_of_an_assistant_decides_nothing(
    pending_request, in_store, terminal, monkeypatch, variable, command
):
    in_store("set_freeze", Freeze("mo", "why", 1))
    monkeypatch.setenv(variable, "1")
    terminal(NAME)
    for options in ([], ["--yes"], ["--yes", "--url", "http://127.0.0.1:1"]):
        message, code = fails(*command, *options)
        assert message.startswith(f"{variable} is set, so an AI assistant opened this shell")
        assert code == 1
    assert in_store("find", "0a1b2c3d").state == "pending"
    assert in_store("freeze") is not None


def test_another_name_approves_nothing(pending_request, in_store, terminal):
    terminal("someone else")

    message, code = fails("approve", "0a1b2c3d")
    assert (message, code) == ("that is not its name, so nothing was approved.", 1)
    assert in_store("find", "0a1b2c3d").state == "pending"


def test_under_four_eyes_the_terminal_approves_nothing(in_store, pending_request, terminal):
    in_store("request", replace(pending_request, id="four", call="other", four_eyes=1))
    terminal(NAME)

    assert "approve with --url and your own token" in fails("approve", "four", "--yes")[0]
    assert in_store("find", "four").state == "pending"


def test_a_denial_needs_no_terminal_and_keeps_its_reason(pending_request, in_store, capsys):
    run("deny", "0a1b2c3d", "--why", "still\nin use")

    assert capsys.readouterr().out.startswith("Denied. The same call of delete_user is told so")
    assert in_store("find", "0a1b2c3d").why == "still in use"


@pytest.mark.parametrize("command", ["approve", "deny"])
def test_an_unknown_or_settled_id_is_explained(
    pending_request, in_store, terminal, tmp_path, command
):
    terminal("")
    message, code = fails(command, "ffffffff")
    assert message.startswith(
        "There is no request ffffffff: the id is wrong, or it expired after 24"
    )
    assert f"This looked in {tmp_path / 'state.db'}" in message
    assert code == 1

    in_store("settle", "0a1b2c3d", "denied", "bearer:mo", "")
    assert "was denied by bearer:mo already" in fails(command, "0a1b2c3d")[0]


def test_a_freeze_and_its_end(in_store, terminal, capsys, tmp_path):
    run("freeze", "--status")
    run("freeze", "--why", "an\x1b[2J incident", "--sandbox")
    run("freeze", "--status")
    run("freeze", "--why", "an\x1b[2J incident")
    run("freeze", "--why", "again")
    shown = capsys.readouterr().out.splitlines()

    allowed = f"Changes are allowed in {tmp_path / 'state.db'}."
    assert shown[0] == shown[4] == allowed
    assert shown[3] == f"End it with: {typed_command()} thaw --sandbox"
    assert shown[5].endswith(f" by {ME}: an\\x1b[2J incident")
    assert shown[6] == f"This holds for every server that uses {tmp_path / 'state.db'}."
    assert shown[8].startswith("All changes are already frozen since ")
    assert in_store("freeze").why == "an\\x1b[2J incident"

    assert "at a terminal" in fails("thaw")[0]
    terminal("n")
    assert fails("thaw") == ("aborted", 1)
    assert in_store("freeze") is not None
    terminal("y")
    run("thaw")
    assert in_store("freeze") is None
    run("thaw")
    assert capsys.readouterr().out.endswith(f"are not frozen in {tmp_path / 'state.db'}.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["freeze"], "give --why with the reason"),
        (["freeze", "--why", " "], "give --why with the reason"),
        (["approvals", "--url", "mcp.example.com"], "must be like https://mcp.example.com"),
        (["approvals", "--url", "http://mcp.example.com"], "must be https"),
        (["approvals", "--url", "https://mcp.example.com:99999"], "must be like https://"),
        (["approvals", "--url", "https://a:b@mcp.example.com"], "must be like https://"),
        (["approvals", "--url", "https://mcp.example.com", "--sandbox"], "leave out --sandbox"),
        (["approvals", "--url", "http://127.0.0.1:1"], "the variable MCP_AUTH_TOKEN is not set"),
        (["approvals", "--env-file", "nowhere.env"], "there is no file nowhere.env"),
    ],
)
def test_a_wrong_command_line_is_refused_with_the_cure(arguments, message):
    assert message in fails(*arguments)[0]


def test_a_service_that_cannot_be_reached_is_said(monkeypatch):
    monkeypatch.setenv("MCP_AUTH_TOKEN", "a-token")

    assert (
        "http://127.0.0.1:1 was not reached"
        in (fails("approvals", "--url", "http://127.0.0.1:1/mcp")[0])
    )


@pytest.mark.parametrize("path", ["/freeze", "/approvals/open", "/approvals/ab"])
def test_an_address_of_something_else_is_said(monkeypatch, path):
    """Such as a status page of another service, which answers anything."""
    monkeypatch.setenv("MCP_AUTH_TOKEN", "a-token")
    commands = {
        "/freeze": ["freeze", "--status"],
        "/approvals/open": ["approvals"],
        "/approvals/ab": ["deny", "ab"],
    }
    with serve_app(lambda _port: JSONResponse({"status": "ok"})) as url:
        assert "not as a portkey-admin-mcp service" in fails(*commands[path], "--url", url)[0]


@pytest.mark.parametrize("id", ["open", "..", "a/b", ""])
def test_what_is_no_id_is_not_sent(monkeypatch, id):
    monkeypatch.setenv("MCP_AUTH_TOKEN", "a-token")

    assert fails("deny", id, "--url", "http://127.0.0.1:1")[0].startswith("There is no request")


def test_a_directory_that_cannot_be_used_is_said(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PORTKEY_STATE_DIR", str(tmp_path / "file"))

    message, code = fails("freeze", "--why", "an incident")
    assert "set PORTKEY_STATE_DIR to another directory" in message
    assert code == 1
