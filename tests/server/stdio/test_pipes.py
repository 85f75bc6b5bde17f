"""What standard input and output may be: files, terminals, sockets, and pipes that do not block."""

import asyncio
import json
import os
import pty
import select
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from fake_portkey import Answer
from initialization import INITIALIZE, INITIALIZED
from portkey_admin_mcp.server.stdio.loop import DRAIN_TIMEOUT_S
from portkey_admin_mcp.server.stdio.pipes import Pipes
from portkey_admin_mcp.server.stdio.streams import Input, Output
from programs import COMMAND, tree_environment

TIMEOUT_S = 30
CALLS = {
    "full": ("list_workspaces", {}),
    "search": ("search_tools", {"query": "list workspaces"}),
    "code": ("execute", {"code": "return (await call_tool('list_workspaces', {}))['total']"}),
}


def requests(mode):
    """A handshake, a list and a call, as lines."""
    name, arguments = CALLS[mode]
    call = {"method": "tools/call", "params": {"name": name, "arguments": arguments}}
    messages = [
        INITIALIZE | {"id": 1},
        INITIALIZED,
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, **call},
    ]
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


@contextmanager
def server(stdin, stdout, folder, mode="full", fast_path="on"):
    """A server on these streams, and the file with its stderr."""
    setting = {} if fast_path == "on" else {"MCP_FAST_PATH": fast_path}
    variables = {"HOME": str(folder), "PORTKEY_TOOL_MODE": mode, **setting}
    with (folder / "stderr").open("w+b") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "--sandbox"],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=tree_environment(variables),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ends_quietly(process, folder, code=0, *, tells_a_person=False):
    """The process ends with this code; its stderr is empty, but for a line for a person."""
    code_now, shown = process.wait(TIMEOUT_S), (folder / "stderr").read_text()
    if tells_a_person:
        first, _, shown = shown.partition("\n")
        assert first.startswith("This waits for an MCP client"), first
    return (code_now, shown) == (code, "")


def answers(output):
    """The ids of the answers in the output; fails if one is an error."""
    messages = [json.loads(line) for line in output.splitlines() if b'"result"' in line]
    assert not [m for m in messages if m["result"].get("isError")]
    return [message["id"] for message in messages]


def read_answers(descriptor, *, pause_s=0.0):
    """What is written until the third answer is complete."""
    output = b""
    while output.count(b'"result"') < 3 or not output.endswith(b"\n"):
        assert select.select([descriptor], [], [], TIMEOUT_S)[0], output[-200:]
        part = os.read(descriptor, 65536)
        assert part, output[-200:]
        output += part
        time.sleep(pause_s)
    return output


@pytest.mark.parametrize(("mode", "fast_path"), [("full", "on"), ("code", "off")])
def test_a_file_of_requests_is_answered_into_a_file(tmp_path, mode, fast_path):
    (tmp_path / "in").write_bytes(requests(mode))
    with (
        (tmp_path / "in").open("rb") as stdin,
        (tmp_path / "out").open("wb") as stdout,
        server(stdin, stdout, tmp_path, mode, fast_path) as process,
    ):
        assert ends_quietly(process, tmp_path)

    assert answers((tmp_path / "out").read_bytes()) == [1, 2, 3]


def test_a_call_in_a_file_has_more_time_than_one_before_the_end_of_a_pipe(
    tmp_path, fake, portkey_env
):
    fake.script([Answer(body={"total": 7}, after_s=DRAIN_TIMEOUT_S + 0.2)])
    (tmp_path / "in").write_bytes(requests("full"))
    with (tmp_path / "in").open("rb") as stdin:
        done = subprocess.run(
            COMMAND,
            stdin=stdin,
            capture_output=True,
            check=True,
            env=tree_environment({"HOME": str(tmp_path), **portkey_env}),
            timeout=TIMEOUT_S,
        )

    assert answers(done.stdout) == [1, 2, 3]


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_an_empty_input_ends_at_once(tmp_path, fast_path):
    nothing = subprocess.DEVNULL
    with server(nothing, nothing, tmp_path, fast_path=fast_path) as process:
        assert ends_quietly(process, tmp_path)


def test_a_terminal_is_served_and_stays_as_it_was(tmp_path):
    ours, theirs = pty.openpty()
    with server(theirs, theirs, tmp_path, "search") as process:
        os.write(ours, requests("search"))
        output = read_answers(ours)
        assert os.get_blocking(theirs)
        os.write(ours, b"\x04")  # Ctrl-D

        assert ends_quietly(process, tmp_path, tells_a_person=True)
    os.close(ours)
    os.close(theirs)
    assert answers(output) == [1, 2, 3]


@pytest.mark.parametrize(
    ("mode", "fast_path", "ending"),
    [("full", "on", socket.SHUT_RDWR), ("search", "off", socket.SHUT_WR)],
)
def test_one_socket_may_be_input_and_output(tmp_path, mode, fast_path, ending):
    ours, theirs = socket.socketpair()
    with server(theirs, theirs, tmp_path, mode, fast_path) as process:
        theirs.close()
        ours.sendall(requests(mode))
        output = read_answers(ours.fileno())
        ours.shutdown(ending)

        assert ends_quietly(process, tmp_path)
    ours.close()
    assert answers(output) == [1, 2, 3]


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_every_byte(tmp_path):
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    os.set_blocking(read_in, False)
    os.set_blocking(write_out, False)
    with server(read_in, write_out, tmp_path) as process:
        os.close(read_in)
        os.close(write_out)
        os.write(write_in, requests("full"))
        os.close(write_in)
        output = read_answers(read_out, pause_s=0.02)

        assert ends_quietly(process, tmp_path)
    os.close(read_out)
    assert answers(output) == [1, 2, 3]


def test_answers_that_nobody_reads_after_the_end_of_input_are_reported(tmp_path):
    with server(subprocess.PIPE, subprocess.PIPE, tmp_path) as process:
        process.stdin.write(requests("full"))
        process.stdin.close()

        assert process.wait(TIMEOUT_S) == 1
        process.stdout.close()
    assert "does not read the answers" in (tmp_path / "stderr").read_text()


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        ("<&-", "standard input and standard output must be open"),
        (">&-", "standard input and standard output must be open"),
        ("> /dev/full", "standard output cannot be written: No space left on device"),
    ],
)
def test_a_stream_that_cannot_be_used_ends_the_server_with_a_sentence(
    tmp_path, redirection, message
):
    command = f'"$@" {redirection}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *COMMAND, "--sandbox"],
        input=requests("full"),
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=tree_environment({"HOME": str(tmp_path)}),
        timeout=TIMEOUT_S,
    )

    assert (done.returncode, done.stderr.decode()) == (1, f"Error: {message}\n")


@pytest.fixture
def pipes():
    """Pipes in this process, and the client's ends of both."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    yield Pipes(read_in, write_out), write_in, read_out
    for descriptor in (read_in, write_out, read_out):
        os.close(descriptor)


async def test_a_thread_reads_where_event_loops_cannot_wait(pipes):
    ours, write_in, _ = pipes
    lines = []
    reading = Input(ours, lines.append, in_thread=True)
    task = asyncio.ensure_future(reading.read(b"fir", False))
    for part in (b"st\nsec", b"ond\nlast"):
        os.write(write_in, part)
    os.close(write_in)

    async with asyncio.timeout(TIMEOUT_S):
        await task
    assert lines == [b"first", b"second", b"last"]


async def test_answers_that_are_ready_together_are_written_together(pipes):
    ours, write_in, read_out = pipes
    os.close(write_in)
    output = Output(ours)
    output.write(b"first\n")
    output.write(b"second\n")
    assert select.select([read_out], [], [], 0) == ([], [], [])

    await asyncio.sleep(0)
    assert os.read(read_out, 100) == b"first\nsecond\n"
    output.write(b"last\n")
    assert output.flush(TIMEOUT_S)
    assert os.read(read_out, 100) == b"last\n"


async def test_a_thread_writes_what_the_client_does_not_yet_read(pipes):
    ours, write_in, read_out = pipes
    os.close(write_in)
    output = Output(ours)
    sent = [bytes([number]) * 100_000 for number in range(5)]
    for data in sent:
        output.write(data)  # does not block
    received = bytearray()

    def client():
        while len(received) < 500_000:
            received.extend(os.read(read_out, 65536))

    assert not output.flush(0.01)
    reading = threading.Thread(target=client)
    reading.start()

    assert await asyncio.to_thread(output.flush, TIMEOUT_S)
    reading.join(TIMEOUT_S)
    assert bytes(received) == b"".join(sent)
