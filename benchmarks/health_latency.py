"""How long /health takes while one principal makes many calls with large answers (Linux).

    python benchmarks/health_latency.py [--calls N] [--answer-bytes N] [--seconds S] [--nice N]

Starts Portkey's stand-in and the service, keeps the calls in flight from another process, and asks
for /health every 20 ms on a connection of its own. Prints the median, the 99th percentile and the
maximum, and the most processor time that the service used during one answer: on a busy machine, the
maximum also contains time in which other processes ran. `peak MB` is the service's resident memory,
the highest so far.

Linux may group processes by session (see sched(7), "autogroup"): then `nice` compares only those
of one group. `--nice N` sets the groups of the service and the stand-in; below 0 it needs root.
"""

import argparse
import http.client
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from http_load import load, post
from messages import SESSIONLESS_CALL, Message
from processes import started
from unfinished_bodies import free_port, wait_for

HERE = Path(__file__).parent
TOKEN = "the-token-of-the-benchmark"
INTERVAL_S = 0.02
HEAD = """\
| answers | /health p50, ms | p99, ms | max, ms | most CPU, ms | calls/s | peak MB |
|---|---|---|---|---|---|---|"""
CASES: dict[str, dict[str, Any]] = {
    "summary rows": {},
    "all fields": {"fields": "*"},
    "CSV": {"format": "csv"},
}


class Sample(NamedTuple):
    """One answer of /health: its milliseconds, and those of processor time the service used."""

    ms: float
    cpu_ms: float


def cpu_ms(pid: int) -> float:
    """Processor time that the threads of a process have used, in milliseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e6


def peak_mb(pid: int) -> float:
    """The highest resident memory of a process so far, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def set_nice(pid: int, nice: int) -> None:
    """Set the nice value of a process's session."""
    if nice:
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def health(port: int, pid: int, seconds: float) -> list[Sample]:
    """Ask for /health for so many seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken: list[Sample] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        used_ms = cpu_ms(pid)
        began = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        ms = (time.perf_counter() - began) * 1000
        taken.append(Sample(ms, cpu_ms(pid) - used_ms))
        time.sleep(INTERVAL_S)
    connection.close()
    return taken


def call_with(arguments: dict[str, Any]) -> Message:
    """A call whose answer is large."""
    params = {**SESSIONLESS_CALL.params, "arguments": arguments}
    return replace(SESSIONLESS_CALL, params=params)


def main() -> None:
    """Measure each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=64)
    parser.add_argument("--answer-bytes", type=int, default=5_000_000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--nice", type=int, default=0)
    arguments = parser.parse_args()
    port = free_port()
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    upstream = [sys.executable, str(HERE / "upstream.py"), str(arguments.answer_bytes)]
    service = [sys.executable, "-m", "portkey_admin_mcp", "http"]
    with (
        tempfile.TemporaryFile() as log,
        started(upstream, path, log, is_piped=True) as portkey,
    ):
        assert portkey.stdout is not None
        set_nice(portkey.pid, arguments.nice)
        environment = {
            **path,
            "PORTKEY_API_KEY": "not-a-key",
            "PORTKEY_BASE_URL": f"http://127.0.0.1:{int(portkey.stdout.readline())}/v1",
            "PORTKEY_ALLOW_PRIVATE_BASE_URL": "true",
            "PORTKEY_ALLOW_INSECURE_HTTP": "true",
            "MCP_PORT": str(port),
            "MCP_AUTH_MODE": "bearer",
            "MCP_AUTH_TOKEN": TOKEN,
            "RATE_LIMIT_ENABLED": "false",
            "LOG_LEVEL": "error",
        }
        with started(service, environment, log) as process, ProcessPoolExecutor(1) as clients:
            set_nice(process.pid, arguments.nice)
            wait_for(port)
            print(HEAD)
            idle = health(port, process.pid, 2)
            print(_row("none", idle, 0.0, peak_mb(process.pid)), flush=True)
            for name, call_arguments in CASES.items():
                message = _Authorized(**vars(call_with(call_arguments)))
                post(port, message)  # the first call imports the tool
                sessions = [None] * arguments.calls
                result = clients.submit(load, port, message, sessions, arguments.seconds, 1_000_000)
                taken = health(port, process.pid, arguments.seconds)
                rate = result.result().rate
                print(_row(name, taken, rate, peak_mb(process.pid)), flush=True)


class _Authorized(Message):
    @property
    def headers(self) -> dict[str, str]:
        """The headers of the message, and the token."""
        return {**super().headers, "authorization": f"Bearer {TOKEN}"}


def _row(name: str, taken: list[Sample], rate: float, peak: float) -> str:
    times = [sample.ms for sample in taken]
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    most = max(sample.cpu_ms for sample in taken)
    median = statistics.median(times)
    return (
        f"| {name} | {median:.1f} | {p99:.0f} | {max(times):.0f} | {most:.0f} | {rate:.1f} "
        f"| {peak:.0f} |"
    )


if __name__ == "__main__":
    main()
