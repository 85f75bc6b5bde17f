"""What code cannot do in code mode, and that it leaves no process running."""

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import time
import tracemalloc
from contextvars import copy_context
from pathlib import Path

import pytest

from mcp_texts import report, texts
from portkey_admin_mcp.portkey.http.slots import CALLER
from portkey_admin_mcp.server.calls.outcome import Outcome
from portkey_admin_mcp.server.calls.result_size import size
from portkey_admin_mcp.server.modes import code_mode, code_run
from portkey_admin_mcp.server.modes.code_child import INHERITED, PROCESS
from portkey_admin_mcp.server.modes.code_run import (
    ADVICE,
    LIMITS,
    MAX_ANSWER_CHARS,
    MAX_OPEN_CALLS,
    MAX_SHOWN_ERROR_CHARS,
    MAX_TOOL_CALLS,
    NOTHING_OUTSIDE,
    CodeRun,
)
from programs import children_running
from servers import build_calls, offer

BEGINS_WITHIN_S = 30
ENDS_WITHIN_S = 3
"""Less than the sandbox may compute, so that an earlier end shows that it was stopped."""


@pytest.fixture
def run():
    """Run code whose calls get an answer without Portkey, and return the outcome.

    A call waits forever with the argument `wait`, and fails with `fail`. `sent` records the calls.
    """

    async def run_code(code, sent=None, *, answer=None):
        async def call(name, arguments):
            if sent is not None:
                sent.append(name)
            if "wait" in arguments:
                await asyncio.Event().wait()
            if "fail" in arguments:
                return Outcome(["Portkey answered 500"], is_error=True)
            return Outcome(["{}"], answer or {"id": "new-1"})

        return await CodeRun(offer("code"), call, 80_000).run(code)

    return run_code


@pytest.fixture
def calls(api):
    """Call tools in code mode."""
    return build_calls(lambda: api, mode="code")


def process(script):
    """A program in place of the process that runs code."""
    return (sys.executable, "-c", f"from time import sleep\n{script}")


READ_FIRST = "Read the state before you repeat any."
COMPUTING, MEMORY = "computed for more than 5 s", "needs more than 64 MB"
OUTSIDE = (
    "import os; os.listdir('/')",
    "import os; os.system('ls')",
    "import os; os.environ",
    "from os import popen",
    "open('/etc/passwd').read()",
    "from pathlib import Path; Path('/etc/passwd').read_text()",
    "import socket",
    "import urllib.request",
    "await fetch('https://example.com')",
    "__import__('subprocess')",
)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("while True: pass", f"{COMPUTING}. End its loops"),
        ("try:\n while True: pass\nexcept BaseException: pass", COMPUTING),
        ("x = 'a' * 10**9", f"{MEMORY}. Go page by page"),
        ("x = []\nwhile True: x.append('abc' * 1000)", MEMORY),
        ("x = [1] * 10\nfor _ in range(9): x = [x] * 10\nprint(x)", MEMORY),
        ("def f(n): return n and f(n - 1)\nf(300)", "calls are nested 200 deep"),
        ("import os\nos.listdir('/')", "There are no files, network"),
        ("y = = 1", "SyntaxError: Expected an expression (line 1)"),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (line 2)"),
        ("raise SystemExit", "SystemExit (line 1)"),
        ("return {(1, 2): 3}", "keys must be"),
        ("return float('nan')", "not JSON compliant"),
        ("class A: pass\nreturn [A()]", "is no JSON: pass dicts"),
        ("call_tool('list_configs')", "write `await call_tool"),
        (f"await call_tool('list_configs', {{'a': 'a' * {10**6}}})", "longer than 500,000"),
    ],
)
async def test_code_beyond_a_limit_is_stopped_with_advice(run, monkeypatch, code, message):
    # Reached soon, except by code that is to reach another limit.
    if message.startswith(COMPUTING):
        monkeypatch.setitem(LIMITS["limits"], "max_feed_duration_secs", 0.3)
    elif message.startswith(MEMORY):
        monkeypatch.setitem(LIMITS["limits"], "max_memory", 8_000_000)

    outcome = await run(code)

    assert outcome.is_error
    assert message in outcome.texts[0]


async def test_code_that_is_too_long_is_not_run(calls):
    outcome = await calls("execute", {"code": "x" * 100_001})

    assert outcome.is_error
    assert "more than 100,000 characters" in outcome.texts[0]


async def test_code_reaches_nothing_outside_the_sandbox(run):
    noted = "except Exception as error:\n    errors.append(type(error).__name__)\n"
    attempts = "".join(f"try:\n    {attempt}\n{noted}" for attempt in OUTSIDE)

    outcome = await run(f"errors = []\n{attempts}return errors")

    errors = json.loads(outcome.texts[0])
    assert len(errors) == len(OUTSIDE)
    assert all(NOTHING_OUTSIDE in ADVICE[error] for error in errors)


async def test_a_value_that_takes_forever_to_read_delays_no_other_call(coding, monkeypatch):
    """Python hashes the shared parts of a tuple again and again: here, 2**60 times."""
    monkeypatch.setitem(LIMITS, "cpu_s", 1)
    bomb = "print('so far')\nt = (1,)\nfor _ in range(60): t = (t, t)\nreturn {t}"
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": bomb}))
        # It needs a tenth of a second to start.
        await until(lambda: any(cpu_seconds(child) > 0.4 for child in children()))
        started = time.monotonic()
        answer = await client.call_tool("list_workspaces", {})
        waited = time.monotonic() - started
        assert not running.done()
        result = await running

    assert not answer.is_error
    assert waited < 2
    assert result.is_error
    assert "had to be ended" in texts(result)[0]
    assert texts(result)[1] == "Printed:\nso far\n"


async def test_others_are_answered_while_a_loop_runs_and_it_can_be_cancelled(coding):
    async with coding() as client:
        running = asyncio.create_task(client.call_tool("execute", {"code": "while True: pass"}))
        await until(lambda: any(len(in_group(child)) == 2 for child in children()))
        (group,) = children()
        for _ in range(20):
            assert not (await client.call_tool("list_workspaces", {})).is_error
        inside = await client.call_tool("execute", {"code": "return 1"})
        assert not running.done()
        running.cancel()
        await until(lambda: not in_group(group), ENDS_WITHIN_S)

    assert texts(inside) == ["1"]


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
    id = workspace("Support")
    arguments = f'{{"name": "New", "workspace_id": "{id}"}}'

    code = f'await call_tool("create_collection", {arguments})\nimport time\ntime.sleep(9)'
    result = await execute(code)

    assert result.is_error
    assert texts(result)[0] == code_run.TOO_LONG
    assert re.match(r"Carried out before: create_collection \(1\): New → \S+\.\n", texts(result)[1])


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
        assert 990 <= size(report(result)[0]) <= 1_000
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


SLEEP = "import time\ntime.sleep(9)"


async def test_one_execution_too_many_waits_and_is_refused_in_time(calls, monkeypatch):
    monkeypatch.setattr(code_mode, "MAX_RUNNING", 1)
    monkeypatch.setattr(code_mode, "MAX_WAIT_S", 0.1)
    first = asyncio.create_task(calls("execute", {"code": SLEEP}))
    await until(children)
    refused = await calls("execute", {"code": "return 1"})
    monkeypatch.setattr(code_mode, "MAX_WAIT_S", 5.0)
    second = asyncio.create_task(calls("execute", {"code": "return 1"}))
    await asyncio.sleep(0.05)
    assert not second.done()
    first.cancel()

    assert (await second).texts == ["1"]
    assert refused.is_error
    assert refused.texts == [code_mode.BUSY]


async def test_one_of_several_users_leaves_executions_to_the_others(calls, monkeypatch):
    monkeypatch.setattr(code_mode, "MAX_RUNNING", 2)
    monkeypatch.setattr(code_mode, "MAX_WAIT_S", 0.1)

    def execute(user, code):
        context = copy_context()
        context.run(CALLER.set, user)
        return asyncio.create_task(calls("execute", {"code": code}), context=context)

    first = execute("bearer:a", SLEEP)
    await until(children)
    own_second = await execute("bearer:a", "return 1")
    of_another = await execute("bearer:b", "return 1")
    first.cancel()

    assert own_second.texts == [code_mode.BUSY]
    assert of_another.texts == ["1"]


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
    return {pid for pid in children_running(os.getpid(), PROCESS) if os.getpgid(pid) == pid}


def environment_of(process):
    return Path(f"/proc/{process}/environ").read_bytes()


def cpu_seconds(process):
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until(condition, within_s=BEGINS_WITHIN_S):
    async with asyncio.timeout(within_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


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


async def test_neither_process_knows_the_environment_of_the_server(monkeypatch, run):
    for name in ("PORTKEY_API_KEY", "MCP_AUTH_TOKEN", "REDIS_URL"):
        monkeypatch.setenv(name, "a-secret-of-the-tests")
    running = asyncio.create_task(run(SLEEP))
    await until(lambda: any(len(in_group(child)) == 2 for child in children()))
    (group,) = children()
    environments = [environment_of(process) for process in in_group(group)]
    running.cancel()
    await until(lambda: not in_group(group), ENDS_WITHIN_S)

    names = {
        pair.partition(b"=")[0].decode() for each in environments for pair in each.split(b"\0")
    }
    assert names - {""} <= {*INHERITED}
    assert not any(b"a-secret" in each for each in environments)


@pytest.mark.parametrize("cancellations", [1, 4])
def test_a_cancelled_execution_has_ended_before_the_event_loop(caplog, run, cancellations):
    """A service that stops cancels a call, and the event loop cancels it once more."""
    groups = set()

    async def main():
        code = f'await call_tool("create_workspace", {{"name": "A"}})\n{SLEEP}'
        running = asyncio.create_task(run(code, sent := []))
        await until(lambda: sent)
        groups.update(children())
        for _ in range(cancellations):
            running.cancel()
            await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()

    (group,) = groups
    assert not in_group(group)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == "an execution was cancelled after it called create_workspace (1)"


# Its pipes


async def test_an_exception_of_20_mb_is_cut(run):
    started = time.monotonic()

    outcome = await run("print('so far')\nraise ValueError('x' * 20_000_000)")

    assert time.monotonic() - started < 5
    assert outcome.texts[0].startswith("ValueError: xxx")
    assert len(outcome.texts[0]) < MAX_SHOWN_ERROR_CHARS + 200
    assert outcome.texts[1] == "Printed:\nso far\n"


async def test_a_process_that_reads_nothing_gets_few_large_answers(run, monkeypatch):
    call = {"name": "list_configs", "arguments": "{}"}
    lines = [json.dumps({**call, "call": number}) for number in range(MAX_TOOL_CALLS)]
    script = f"print({chr(10).join(lines)!r}, flush=True)\nsleep(60)"
    monkeypatch.setattr(code_run, "PROCESS", process(script))
    offer("code")  # read once for all tests, and not to be measured

    tracemalloc.start()
    running = asyncio.create_task(run("", sent := [], answer={"data": "x" * MAX_ANSWER_CHARS}))
    await until(lambda: len(sent) >= MAX_OPEN_CALLS)
    await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.wait([running], timeout=ENDS_WITHIN_S)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert running.cancelled()
    assert len(sent) == MAX_OPEN_CALLS
    # One answer as text, as bytes, and in the buffer of the pipe.
    assert peak < 5 * MAX_ANSWER_CHARS


@pytest.mark.parametrize(
    "script", ["print('{', end='')", "while True: print('x' * 65_536, end='')"]
)
async def test_a_line_that_does_not_end_is_no_outcome(run, monkeypatch, script):
    lines = ['{"printed": "so far"}', '{"call": 0, "name": "create_workspace", ']
    lines[1] += '"arguments": "{\\"name\\": \\"A\\"}"}'
    begin = f"print({chr(10).join(lines)!r}, flush=True)\ninput()\ninput()"
    monkeypatch.setattr(code_run, "PROCESS", process(f"{begin}\n{script}"))

    outcome = await run("")

    assert "had to be ended" in outcome.texts[0]
    assert outcome.texts[1].startswith("Carried out before: create_workspace (1): A → new-1.\n")
    assert outcome.texts[2] == "Printed:\nso far"


# What an execution that breaks off tells


@pytest.mark.parametrize(
    ("end", "advice"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("x = 'a' * 10**9", MEMORY),
        (SLEEP, "Stopped after"),
        ("await call_tool('list_configs', {'fail': 1})", "Portkey answered 500"),
    ],
)
async def test_what_was_printed_and_written_before_the_end_is_told(run, monkeypatch, end, advice):
    monkeypatch.setattr(code_run, "TIMEOUT_S", 1.5)
    begin = "print('so far')\nawait call_tool('create_workspace', {'name': 'A'})\n"

    outcome = await run(begin + end)

    assert outcome.is_error
    assert advice in outcome.texts[0]
    assert outcome.texts[1:] == [
        f"Carried out before: create_workspace (1): A → new-1.\n{READ_FIRST}",
        "Printed:\nso far\n",
    ]


GATHER = """
import asyncio

async def fail():
    await call_tool("list_configs")
    1 / 0

try:
    await asyncio.gather(call_tool("delete_config", {"slug": "pc-a", "wait": 1}), fail())
except ZeroDivisionError:
    END
"""


@pytest.mark.parametrize("end", ["raise", "return 1"])
async def test_a_write_in_flight_when_the_code_ends_is_told_as_uncertain(run, end):
    outcome = await run(GATHER.replace("END", end))

    assert outcome.is_error == (end == "raise")
    assert outcome.texts[1].startswith(
        "May have taken effect, the outcome is unknown: delete_config (1): pc-a."
    )
