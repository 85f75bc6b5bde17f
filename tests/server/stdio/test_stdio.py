"""The server as a process: what it writes where, and how it ends."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest

from fake_portkey import Answer
from initialization import INITIALIZE_PARAMS
from programs import catches, children_of, tree_environment

QUESTIONS = [
    ("tools/list", {}),
    ("tools/call", {"name": "list_workspaces", "arguments": {"page_size": 0}}),
    ("tools/call", {"name": "list_grüße", "arguments": {}}),
    ("tools/call", {"name": "get_workspace", "arguments": {"workspace_id": "ws-nöbody"}}),
    ("prompts/list", {}),
]
OTHERS = {
    "MCP_DEBUG": "true",
    "MCP_LOG_LEVEL": "nonsense",
    "PYDANTIC_ERRORS_INCLUDE_URL": "0",
    "UVICORN_PORT": "1",
}
ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}


def interview(server):
    """Send the same requests to every server, and return the lines of its stdout."""
    server.open()
    for method, params in QUESTIONS:
        server.request(method, **params)
        server.next_line()
    server.close_input()
    assert server.wait_for_exit() == 0
    return server.lines


@pytest.fixture(scope="module")
def expected_lines(start):
    with start("--sandbox") as server:
        return interview(server)


def test_stdout_carries_one_answer_to_each_question(expected_lines):
    assert [line["id"] for line in expected_lines] == list(range(1, len(QUESTIONS) + 2))
    assert {line["jsonrpc"] for line in expected_lines} == {"2.0"}


def test_a_debug_log_goes_to_stderr_only(start, expected_lines):
    with start("--sandbox", env={"LOG_LEVEL": "debug"}) as server:
        assert interview(server) == expected_lines
        assert "answered 404" in server.stderr


def test_settings_of_libraries_and_of_python_change_nothing(start, expected_lines):
    with start("--sandbox", env={**OTHERS, **ASCII}) as server:
        assert interview(server) == expected_lines
        assert server.stderr == ""


def test_whatever_code_prints_goes_to_stderr(start, expected_lines, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(PRINTING_THREAD)

    with start("--sandbox", env={"PYTHONPATH": str(tmp_path)}) as server:
        assert interview(server) == expected_lines
        assert "printed" in server.stderr
        assert "written" in server.stderr


PRINTING_THREAD = """
import os, sys, threading, time

def write():
    while "portkey_admin_mcp.server.stdio.loop" not in sys.modules:
        time.sleep(0.01)
    while True:
        print("printed", flush=True)
        os.write(1, b"written\\n")
        time.sleep(0.01)

threading.Thread(target=write, daemon=True).start()
"""


def test_an_env_file_is_not_read_unless_it_is_named(start, expected_lines, tmp_path):
    ours = {"LOG_LEVEL": "debug", "PORTKEY_TIMEOUT_MS": "nonsense", "PORTKEY_API_KEY": "x"}
    write_env_file(tmp_path, {**OTHERS, **ours})

    with start("--sandbox", folder=tmp_path) as server:
        assert interview(server) == expected_lines
        assert server.stderr == ""


def test_without_a_key_there_are_tools_and_a_call_says_what_to_set(start, fake, tmp_path):
    write_env_file(tmp_path, {"PORTKEY_API_KEY": "not-to-be-read"})

    with start(folder=tmp_path, env=fake.settings) as server:
        server.open()
        assert len(server.ask("tools/list")["tools"]) > 30
        result = server.call("list_workspaces")

    assert result["isError"] is True
    assert "PORTKEY_API_KEY is not set" in result["content"][0]["text"]
    assert "--sandbox" in result["content"][0]["text"]
    assert fake.requests == []


def test_an_env_file_is_read_when_it_is_named_and_the_environment_wins(start, fake, tmp_path):
    file = {**fake.settings, "PORTKEY_API_KEY": "from-the-file", "LOG_LEVEL": "nonsense"}
    write_env_file(tmp_path, file)

    with start("--env-file", ".env", folder=tmp_path, env={"LOG_LEVEL": "error"}) as server:
        server.open()
        server.call("list_workspaces")

    assert fake.requests[0].headers["x-portkey-api-key"] == "from-the-file"


def test_every_line_of_the_log_is_json_if_configured(start, fake, portkey_env):
    fake.script([Answer(), "reset", Answer(503), Answer(body=b"<html>")])
    with start(env={**portkey_env, "LOG_LEVEL": "debug", "LOG_FORMAT": "json"}) as server:
        server.open()
        server.call("list_workspaces")
        server.call("list_workspaces")
        server.call("nothing_of_the_kind")
        server.close_input()
        server.wait_for_exit()

        entries = [json.loads(line) for line in server.stderr.splitlines()]

    messages = [entry["message"] for entry in entries]
    assert [m.rpartition(" in ")[0] for m in messages if "answered" in m] == [
        "GET /admin/workspaces answered 200",
        "GET /admin/workspaces answered 503",
        "GET /admin/workspaces was answered 503; sent again",
        "GET /admin/workspaces answered 200",
    ]
    assert all(entry.keys() >= {"time", "level", "logger", "message"} for entry in entries)


def test_a_line_may_be_nonsense_or_longer_than_any_pipe(start):
    with start("--sandbox") as server:
        server.open()
        for line in (b"", b"not JSON", b"\xff\xfe{}", b"[" * 5000, b'{"jsonrpc":"2.0"}', b"null"):
            server.write(line)

        sent = {"name": "Long", "description": "x" * 1_000_000}
        long = {"name": "create_workspace", "arguments": sent}
        answer = server.answer(server.request("tools/call", **long))

    shown, _, missing = answer["result"]["structuredContent"]["description"].partition("… (")
    assert len(shown) + int(missing.removesuffix(" characters more)")) == 1_000_000


def test_a_line_that_no_server_can_take_is_answered_with_an_error(start):
    request = b'{"jsonrpc":"2.0","id":"mine","method":"ping","params":{"x":%s}}'
    deep = b"[" * 5000 + b"]" * 5000
    with start("--sandbox") as server:
        server.open()
        answers = {}
        for line in (
            b"no JSON",
            b"[]",
            request % b'"\\ud800"',
            request % b'"\xff"',
            request % deep,
        ):
            server.write(line)
            answers[line] = server.next_line()
        for silent in (b"", b" \t\r", b'{"jsonrpc":"2.0","id":9,"result":"no object"}'):
            server.write(silent)
        server.write(b'{"jsonrpc":"2.0",\r"id":8,\r"method":"ping"}')

        assert server.next_line() == {"jsonrpc": "2.0", "id": 8, "result": {}}
        assert [(line["id"], line["error"]["code"]) for line in answers.values()] == [
            (None, -32700),
            (None, -32600),
            ("mine", -32600),
            ("mine", -32600),
            (None, -32600),
        ]
        server.ask("ping")


def test_lines_before_the_end_of_the_last_are_kept_and_an_unfinished_last_one_is_read(start):
    with start("--sandbox") as server:
        server.open()
        line = b'{"jsonrpc":"2.0","id":5,"method":"ping"}'
        for byte in line:
            server.write_bytes(bytes([byte]))
        server.write_bytes(b"\n" + line.replace(b"5", b"6"))

        assert server.next_line() == {"jsonrpc": "2.0", "id": 5, "result": {}}
        server.close_input()
        assert server.next_line() == {"jsonrpc": "2.0", "id": 6, "result": {}}


def test_an_id_in_use_is_refused_until_it_is_answered_or_cancelled(start, fake, portkey_env):
    fake.script([Answer(body={"total": 1}, after_s=0.5), "silence", Answer(body={"total": 3})])
    with start(env=portkey_env) as server:
        server.open()
        call = {"method": "tools/call", "params": {"name": "list_workspaces", "arguments": {}}}

        def ask():
            server.write(json.dumps({"jsonrpc": "2.0", "id": 77, **call}).encode())

        ask()
        ask()
        refusal, first = server.next_line(), server.next_line()
        ask()
        fake.wait_for(2)
        server.tell("notifications/cancelled", requestId=77)
        ask()
        third = server.next_line()

    assert (refusal["id"], refusal["error"]["code"]) == (77, -32600)
    assert "77" in refusal["error"]["message"]
    assert first["result"]["structuredContent"] == {"total": 1}
    assert third["result"]["structuredContent"] == {"total": 3}


def test_requests_before_the_end_of_input_are_answered(start):
    with start("--sandbox") as server:
        server.request("initialize", **INITIALIZE_PARAMS)
        server.tell("notifications/initialized")
        request_id = server.request("tools/call", name="list_workspaces", arguments={})
        server.close_input()

        assert server.answer(request_id)["result"]["structuredContent"]["total"] == 3
        assert server.wait_for_exit() == 0


def test_a_call_in_flight_at_the_end_of_input_has_time_to_finish(start, fake, portkey_env):
    fake.script([Answer(), Answer(body={"total": 0}, after_s=0.05)])
    with start(env=portkey_env) as server:
        server.open()
        server.call("list_workspaces")
        request_id = server.request("tools/call", name="list_workspaces", arguments={})
        fake.wait_for(2)
        server.close_input()

        assert server.answer(request_id)["result"]["structuredContent"] == {"total": 0}
        assert server.wait_for_exit() == 0


ENDS = {
    "end of input": lambda server: server.close_input(),
    "SIGTERM": lambda server: server.signal(signal.SIGTERM),
    "SIGINT": lambda server: server.signal(signal.SIGINT),
    "SIGHUP": lambda server: server.signal(signal.SIGHUP),
    "nobody listening": lambda server: server.close_output(),
}
COMMON = [*ENDS][:3]


@pytest.mark.parametrize("end", COMMON)
def test_it_ends_within_a_second_while_it_imports(start, wait_until, end):
    with start("--sandbox") as server:
        wait_until(lambda: catches(server.pid, signal.SIGHUP))
        ENDS[end](server)

        assert server.wait_for_exit() == 0
        assert server.said == b""
        assert server.stderr == ""


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_within_a_second_when_idle(start, end):
    with start("--sandbox") as server:
        server.open()
        ENDS[end](server)

        assert server.wait_for_exit() == 0
        assert server.stderr == ""


def test_it_ends_within_a_second_after_a_call_when_nobody_listens(start):
    with start("--sandbox") as server:
        server.open()
        server.call("list_workspaces")
        server.close_output()

        assert server.wait_for_exit() == 0
        assert server.stderr == ""


@pytest.mark.parametrize("end", COMMON)
def test_it_ends_within_a_second_with_a_call_that_is_never_answered(start, fake, portkey_env, end):
    fake.script(["silence"])
    with start(env=portkey_env) as server:
        server.open()
        server.request("tools/call", name="list_workspaces", arguments={})
        fake.wait_for(1)
        ENDS[end](server)

        assert server.wait_for_exit() == 0
        assert server.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second_after_its_start(start, number):
    with start("--sandbox") as server:
        server.signal(number)

        server.wait_for_exit()
    assert server.said == b""


def test_a_killed_client_leaves_no_process_running(fake, portkey_env, tmp_path):
    fake.script(["silence"])
    ours, theirs = os.pipe()
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT_IN_MID_CALL],
        env=tree_environment({"HOME": str(tmp_path), **portkey_env}),
        cwd=tmp_path,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        fake.wait_for(1)
        client.kill()
        client.wait()

        # The pipe ends when the last process that inherited it is gone.
        assert select.select([ours], [], [], 1)[0], "a process still has the pipe open"
        assert os.read(ours, 1000) == b""
    finally:
        client.kill()
        client.wait()
        os.close(ours)


CLIENT_IN_MID_CALL = """
import json, subprocess, sys, time

pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
server = subprocess.Popen([sys.executable, "-m", "portkey_admin_mcp"], **pipes)
client = {"name": "a client", "version": "1"}
hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
call = {"name": "list_workspaces", "arguments": {}}
for message in (
    {"id": 1, "method": "initialize", "params": hello},
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/call", "params": call},
):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\\n")
    server.stdin.flush()
time.sleep(600)
"""


def test_it_starts_no_process(start, portkey_env, fake):
    fake.script(["silence"])
    with start(env=portkey_env) as server:
        server.open()
        server.request("tools/call", name="list_workspaces", arguments={})
        fake.wait_for(1)

        assert server.pid in children_of(os.getpid())
        assert children_of(server.pid) == []


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        (
            {"PORTKEY_BASE_URL": "http://portkey.example/v1"},
            ["PORTKEY_BASE_URL must be https; set PORTKEY_ALLOW_INSECURE_HTTP=true"],
        ),
        (
            {"PORTKEY_API_KEY": "two words"},
            ["PORTKEY_API_KEY contains a space", "copy the key again"],
        ),
        (
            {"PORTKEY_TIMEOUT_MS": "soon", "PORTKEY_SANDBOX": "perhaps", "MCP_FAST_PATH": "2"},
            [
                "PORTKEY_TIMEOUT_MS: input should be a valid integer",
                "For example: PORTKEY_TIMEOUT_MS=30000",
                "PORTKEY_SANDBOX: input should be a valid boolean",
                "For example: PORTKEY_SANDBOX=true",
                "MCP_FAST_PATH: input should be a valid boolean",
                "For example: MCP_FAST_PATH=off",
            ],
        ),
    ],
    ids=["address", "key", "several"],
)
def test_wrong_settings_end_the_server_with_a_sentence_for_each(start, settings, sentences):
    with start(env=settings) as server:
        assert server.stops() == 1

    assert [sentence for sentence in sentences if sentence not in server.stderr] == []
    assert "Traceback" not in server.stderr
    assert server.said == b""


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--env-file", "nowhere/.env"], "--env-file: there is no file nowhere/.env", 1),
        (["--sandbax"], "No such option '--sandbax'", 2),
        (["serve"], "No such command 'serve'", 2),
    ],
    ids=["env-file", "option", "command"],
)
def test_a_wrong_command_line_ends_the_server_with_a_sentence(start, arguments, message, code):
    with start(*arguments) as server:
        assert server.stops() == code

    assert message in server.stderr
    assert server.said == b""


def write_env_file(folder, values):
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
