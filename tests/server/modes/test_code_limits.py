"""What code cannot do in code mode, and that it leaves no process running."""

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from mcp_texts import report, texts
from portkey_admin_mcp.server.modes import code_mode, code_run
from portkey_admin_mcp.server.modes.code_run import LIMITS, MAX_TOOL_CALLS, PROCESS

BEGINS_WITHIN_S = 30
ENDS_WITHIN_S = 3
"""Less than the sandbox may compute, so that an earlier end shows that it was stopped."""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("while True: pass", "computed for more than 5 s. End its loops"),
        ("try:\n while True: pass\nexcept BaseException: pass", "computed for more than 5 s"),
        ("x = 'a' * 10**9", "needs more than 64 MB. Go page by page"),
        ("x = []\nwhile True: x.append('abc' * 1000)", "needs more than 64 MB"),
        ("x = [1] * 10\nfor _ in range(9): x = [x] * 10\nprint(x)", "needs more than 64 MB"),
        ("def f(n): return n and f(n - 1)\nf(300)", "calls are nested 200 deep"),
        ("import os\nos.listdir('/')", "There are no files, network"),
        ("import os\nos.system('ls')", "There are no files, network"),
        ("import os\nos.environ", "There are no files, network"),
        ("from os import popen", "There are no files, network"),
        ("open('/etc/passwd').read()", "There are no files, network"),
        (
            "from pathlib import Path\nPath('/etc/passwd').read_text()",
            "There are no files, network",
        ),
        ("import socket", "There are no files, network"),
        ("import urllib.request", "There are no files, network"),
        ("await fetch('https://example.com')", "There are no files, network"),
        ("__import__('subprocess')", "There are no files, network"),
        ("y = = 1", "SyntaxError: Expected an expression (line 1)"),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (line 2)"),
        ("raise SystemExit", "SystemExit (line 1)"),
        ("return {(1, 2): 3}", "keys must be"),
        ("return float('nan')", "not JSON compliant"),
        ("class A: pass\nreturn [A()]", "is no JSON: pass dicts"),
        ("call_tool('list_configs')", "write `await call_tool"),
        ("x" * 100_001, "more than 100,000 characters"),
        (f"await call_tool('list_configs', {{'a': 'a' * {10**6}}})", "longer than 500,000"),
    ],
)
async def test_code_beyond_a_limit_is_stopped_with_advice(stopped, monkeypatch, code, message):
    if "computed" in message:  # the others need the whole time on a machine that is busy
        monkeypatch.setitem(LIMITS["limits"], "max_feed_duration_secs", 1.0)

    assert message in await stopped(code)


async def test_a_value_that_takes_forever_to_read_delays_no_other_call(coding):
    """Python hashes the shared parts of a tuple again and again: here, 2**60 times."""
    bomb = "t = (1,)\nfor _ in range(60): t = (t, t)\nreturn {t}"
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": bomb}))
        await asyncio.sleep(2)
        started = time.monotonic()
        answer = await client.call_tool("list_workspaces", {})
        waited = time.monotonic() - started
        assert not running.done()
        result = await running

    assert not answer.is_error
    assert waited < 2
    assert result.is_error
    assert "had to be ended" in texts(result)[0]


async def test_others_are_answered_while_a_loop_runs(coding):
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": "while True: pass"}))
        await asyncio.sleep(0.5)
        for _ in range(20):
            assert not (await client.call_tool("list_workspaces", {})).is_error
        inside = await client.call_tool("execute", {"code": "return 1"})
        assert not running.done()
        result = await running

    assert texts(inside) == ["1"]
    assert result.is_error


async def test_a_thousand_calls_are_stopped_at_fifty(stopped, emulator):
    emulator.log.clear()

    message = await stopped('for _ in range(1000): await call_tool("list_workspaces")')

    assert message == code_run.TOO_MANY_CALLS
    assert len(emulator.log) == MAX_TOOL_CALLS + 1


async def test_code_that_goes_on_after_fifty_calls_is_ended(stopped, emulator):
    emulator.log.clear()
    greedy = 'while True:\n  try: await call_tool("list_workspaces")\n  except Exception: pass'

    assert await stopped(greedy) == code_run.TOO_MANY_CALLS
    assert len(emulator.log) == MAX_TOOL_CALLS + 1


async def test_fifty_calls_are_within_the_limit(returned):
    many = f'[call_tool("list_workspaces") for _ in range({MAX_TOOL_CALLS})]'

    assert await returned(f"import asyncio\nreturn len(await asyncio.gather(*{many}))") == 50


async def test_an_execution_has_a_timeout_and_its_writes_are_named(execute, workspace, monkeypatch):
    monkeypatch.setattr(code_run, "TIMEOUT_S", 2.0)
    arguments = f'{{"name": "New", "workspace_id": "{workspace("Support")}"}}'

    code = f'await call_tool("create_collection", {arguments})\nimport time\ntime.sleep(9)'
    result = await execute(code)

    assert result.is_error
    assert texts(result)[0] == code_run.TOO_LONG
    assert "Done or begun already: create_collection (1)." in texts(result)[1]


async def test_a_refused_write_is_not_named_as_done(execute):
    call = 'await call_tool("create_collection", {"name": "x", "workspace_id": "none"})'

    assert len(texts(await execute(call))) == 1


async def test_a_result_is_cut_at_the_limit_of_all_results(execute):
    fitting = await execute("return 'a' * 1000", 1_000)
    text = await execute("return 'a' * 1001", 1_000)
    shared = await execute("x = [1] * 10\nfor _ in range(9): x = [x] * 10\nreturn x", 1_000)

    assert report(fitting) == ["a" * 1000]
    for result in (text, shared):
        assert not result.is_error
        assert len(report(result)[0]) == 1_000
        assert report(result)[1].startswith("Cut, because the result would be too long")


async def test_answers_to_code_are_not_cut_where_answers_to_clients_are(coding):
    async with coding(1_000) as client:
        outside = await client.call_tool("list_api_keys", {"page_size": 100})
        code = 'return len((await call_tool("list_api_keys", {"page_size": 100}))["data"])'
        inside = await client.call_tool("execute", {"code": code})
        again = await client.call_tool("list_api_keys", {"page_size": 100})

    assert texts(inside) == ["8"]
    assert len(outside.structured_content["data"]) < 8
    assert outside.structured_content == again.structured_content


async def test_one_execution_too_many_is_refused_with_advice(coding, monkeypatch):
    monkeypatch.setattr(code_mode, "MAX_RUNNING", 1)
    async with coding() as client:
        running = asyncio.create_task(
            client.call_tool("execute", {"code": "import time\ntime.sleep(3)\nreturn 1"})
        )
        await asyncio.sleep(0.5)
        refused = await client.call_tool("execute", {"code": "return 1"})
        first = await running
        later = await client.call_tool("execute", {"code": "return 1"})

    assert refused.is_error
    assert "Call execute again" in texts(refused)[0]
    assert texts(first) == texts(later) == ["1"]


# Its processes


def in_group(group):
    """The processes of a group that have not ended."""

    def belongs(status):
        try:
            _, _, rest = status.read_text().rpartition(")")
        except OSError:
            return False
        state, _, its_group = rest.split()[:3]
        return int(its_group) == group and state != "Z"

    return [status.parent.name for status in Path("/proc").glob("[0-9]*/stat") if belongs(status)]


def children():
    """The running executions of this process, by the id of their group."""
    mine = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    return {int(pid) for pids in mine for pid in pids if os.getpgid(int(pid)) == int(pid)}


def environment_of(process):
    return Path(f"/proc/{process}/environ").read_bytes()


async def until(condition, within_s=BEGINS_WITHIN_S):
    async with asyncio.timeout(within_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


async def test_a_cancelled_execution_leaves_nothing_running(coding):
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": "while True: pass"}))
        await until(lambda: any(len(in_group(child)) == 2 for child in children()))
        (group,) = children()
        running.cancel()
        await until(lambda: not in_group(group), ENDS_WITHIN_S)


def test_a_server_that_is_gone_leaves_nothing_running(wait_until):
    with subprocess.Popen(PROCESS, stdin=subprocess.PIPE, start_new_session=True) as process:
        order = {**LIMITS, "code": "while True: pass", "result_chars": 1_000}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        wait_until(lambda: len(in_group(process.pid)) == 2)
        process.stdin.close()
        closed = time.monotonic()
        wait_until(lambda: not in_group(process.pid))
        assert time.monotonic() - closed < ENDS_WITHIN_S


async def test_the_sandbox_knows_nothing_of_the_environment(monkeypatch, coding):
    monkeypatch.setenv("PORTKEY_API_KEY", "a-secret-of-the-tests")
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": "while True: pass"}))
        await until(lambda: any(len(in_group(child)) == 2 for child in children()))
        (group,) = children()
        (sandbox,) = set(in_group(group)) - {str(group)}
        environment = environment_of(sandbox)
        running.cancel()
        await until(lambda: not in_group(group), ENDS_WITHIN_S)

    assert b"a-secret" not in environment
