"""The process that runs code: what it is started with, how its lines are read, and its end."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path
from typing import Any

from anyio import CancelScope

PROCESS = (sys.executable, "-P", str(Path(__file__).with_name("code_process.py")))
"""Run by its path, because the package may not be installed. `-P` keeps the files beside it from
hiding modules of the standard library."""
INHERITED = (
    "PATH",
    "LANG",
    "HOME",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "APPDATA",
)
"""Variables with which the process finds Python and its packages. It gets no other, because code of
a model runs there, and the environment of a server holds keys."""
READ_BYTES = 65_536
END_TIMEOUT_S = 5.0
"""Seconds to wait for a process that was killed."""


def child_environment() -> dict[str, str]:
    """The variables with which the process finds Python, and no other."""
    variables = os.environ  # noqa: TID251  # the few that the process needs are copied
    return {name: variables[name] for name in INHERITED if name in variables}


async def next_line(process: Process) -> dict[str, Any] | None:
    """The next line of the process; None if it has ended, or wrote something else."""
    assert process.stdout is not None
    # A ValueError: the line is too long, or the process was ended in the middle of it.
    with suppress(ValueError):
        if text := await process.stdout.readline():
            line: dict[str, Any] = json.loads(text)
            return line
    return None


async def end_child(process: Process) -> None:
    """Kill the process and the sandbox, and wait until its pipes are closed.

    Waits for END_TIMEOUT_S at most, even if the task is cancelled once more meanwhile: pipes that
    are still open when the event loop is closed cause errors in the log.
    """
    kill_child(process)
    deadline = asyncio.get_running_loop().time() + END_TIMEOUT_S
    cancelled: asyncio.CancelledError | None = None
    # The shield is against the scopes of anyio, which would cancel again and again.
    with CancelScope(shield=True):
        while True:
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await _closed(process)
                break
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


async def _closed(process: Process) -> None:
    """Wait until the process has ended and its pipes are closed."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    # Unread output would keep the pipe open.
    while await process.stdout.read(READ_BYTES):
        pass
    with suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()
    await process.wait()


def kill_child(process: Process) -> None:
    """Kill the process and the sandbox, which is in its group."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
