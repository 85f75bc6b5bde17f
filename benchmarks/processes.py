"""Start and end processes, and measure what they use (Linux, from /proc)."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

END_TIMEOUT_S = 5
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ESTABLISHED = "01"
"""The state of a connection in /proc/net/tcp."""


@contextmanager
def started(
    command: list[str], environment: dict[str, str], log: IO[bytes], *, is_piped: bool = False
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in its own group, which is ended with all its children, also after an error."""
    pipe = subprocess.PIPE if is_piped else subprocess.DEVNULL
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=pipe,
        stdout=pipe,
        stderr=log,
        bufsize=0,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        with suppress(subprocess.TimeoutExpired, ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(END_TIMEOUT_S)
    finally:
        # Also if the first process has ended, because its workers may still run.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def tree(pid: int) -> list[int]:
    """The ids of a process and of all its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields:
            parents[int(stat.parent.name)] = int(fields[1])
    pids = [pid]
    for parent in pids:
        pids += [child for child, its_parent in parents.items() if its_parent == parent]
    return pids


def cpu_s(pid: int) -> float:
    """Processor seconds used by a process and its descendants, user and kernel; steps of 10 ms."""
    stats = [_fields(Path(f"/proc/{each}/stat")) for each in tree(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats if fields) / TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its descendants, in MB; shared memory counts twice."""
    pages = 0
    for each in tree(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pages * PAGE_BYTES / 1e6


def connections(pid: int, port: int) -> int:
    """How many clients are connected to a port of 127.0.0.1 through this process."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED}
    count = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            count += os.readlink(file).strip("socket:[]") in inodes
    return count


def _fields(stat: Path) -> list[str]:
    """The fields of a stat file after the process name, which may contain spaces: state, …."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
