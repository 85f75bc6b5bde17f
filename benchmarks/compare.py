"""Compare this server with the TypeScript server, side by side on this machine (Linux).

    python benchmarks/compare.py [--pairs N] [--quick] [--only PART …] [--python PATH]

Measures the servers in turns, prints a table and writes RESULTS.md. A quick run or a run of some
parts only prints: a quick one is too short for reliable figures. Client, servers and the stand-in
for Portkey share the machine's processors, and are connected only by 127.0.0.1 and pipes.

If the Python that runs this was built without optimisation, this server is measured again on one
that was, if the machine has one with the same ABI; or on the Python at PATH.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from compared_servers import Bench, Implementation, bench, install, ours, theirs
from conditions import conditions, end_on_signal, failing_with
from figures import (
    FULL,
    QUICK,
    Size,
    answer_figures,
    http_figures,
    sessionless_figures,
    start_figures,
    stdio_figures,
    upstream_rate,
    worker_figures,
)
from interpreters import Interpreter, command_on, described, optimised
from table import HEAD, Figures, Measured, Row, cells, markdown, number

RESULTS = Path(__file__).with_name("RESULTS.md")
VARIANT = "ours, optimised"
"""This server on an optimised Python, beside the one that runs this."""
P99_MS = 20
ROWS = [
    Row("stdio: spawn → initialize answered", "ms", "initialize", "initialize", 0.30),
    Row("stdio: spawn → tools/list answered", "ms", "list", "list", 0.30),
    Row("stdio: spawn → first call answered", "ms", "first call", "first call", 0.60),
    Row("stdio: sequential call, p50", "ms", "p50", "p50", 0.85),
    Row("stdio: 64 in flight", "calls/s", "stdio", "stdio", 1.8, is_rate=True),
    Row("stdio: processor time of a call", "ms", "stdio cpu", "stdio cpu", 0.60),
    Row("stdio: memory after load", "MB", "memory", "memory", 0.35),
    Row("stdio: answer of 100 kB, p50", "ms", "100 kB p50", "100 kB p50"),
    Row("stdio: answer of 100 kB, processor time", "ms", "100 kB cpu", "100 kB cpu"),
    Row("stdio: answer of 5 MB, p50", "ms", "5 MB p50", "5 MB p50"),
    Row("stdio: answer of 5 MB, processor time", "ms", "5 MB cpu", "5 MB cpu", 1.3),
    Row("HTTP stateless, 32 clients", "calls/s", "stateless", "stateless", 12, is_rate=True),
    Row("HTTP stateless, p99", "ms", "stateless p99", "stateless p99", P99_MS, is_absolute=True),
    Row("HTTP stateless, processor time of a call", "ms", "stateless cpu", "stateless cpu"),
    Row(
        "HTTP on 2026-07-28, 32 clients, vs its stateless",
        *("calls/s", "sessionless", "stateless", 12, True),
    ),
    Row(
        "HTTP on 2026-07-28, 32 clients, vs its stateful",
        *("calls/s", "sessionless", "stateful", None, True),
    ),
    Row(
        "HTTP on 2026-07-28, p99, vs its stateful",
        *("ms", "sessionless p99", "stateful p99", P99_MS, False, True),
    ),
    Row("HTTP stateful, 32 clients", "calls/s", "stateful", "stateful", 2, is_rate=True),
    Row("HTTP stateful, p99", "ms", "stateful p99", "stateful p99", P99_MS, is_absolute=True),
    Row("HTTP stateful, processor time of a call", "ms", "stateful cpu", "stateful cpu"),
    Row(
        "HTTP, 2 workers, 32 clients, vs its stateful",
        *("calls/s", "workers", "stateful", 2.5, True),
    ),
    Row("HTTP, 2 workers, p99, vs its stateful", "ms", "workers p99", "stateful p99"),
    Row(
        "HTTP, 2 workers: busier one's share of 128 connections",
        *("%", "largest share", "", 60, False, True),
    ),
    Row(
        "HTTP tools/list, stateful, 32 clients",
        *("lists/s", "stateful lists", "stateful lists", 30, True),
    ),
    Row("tools/list", "kB", "list kB", "list kB"),
]

Part = Callable[[Bench, Implementation, Size], Figures]
PARTS: dict[str, Part] = {
    "start": lambda running, server, _size: start_figures(running, server),
    "stdio": stdio_figures,
    "answers": lambda running, server, _size: answer_figures(running, server),
    "stateless": lambda running, server, size: http_figures(running, server, "stateless", size),
    "stateful": lambda running, server, size: http_figures(running, server, "stateful", size),
    "sessionless": sessionless_figures,
    "workers": worker_figures,
}
OURS_ONLY = ("sessionless", "workers")
"""Parts that the TypeScript server cannot do."""


def measure_pair(
    running: Bench,
    servers: list[Implementation],
    parts: Sequence[str],
    size: Size,
    measured: Measured,
) -> None:
    """Measure all servers once, in turns."""
    for part in parts:
        for _ in range(size.starts if part == "start" else 1):
            for server in servers:
                if server.name != "theirs" or part not in OURS_ONLY:
                    measured.add(server.name, PARTS[part](running, server, size))


def table(measured: Measured, server: str) -> str:
    """The rows that were measured, for this server or its variant."""
    rows = [cells(row, measured, server) for row in ROWS if row.is_in(measured, server)]
    return markdown(HEAD, rows)


def report(
    measured: Measured, size: Size, upstream: float, surroundings: str, other: Interpreter | None
) -> str:
    """RESULTS.md."""
    text = f"""\
# Results

Written by `make bench`. Medians of {size.pairs} pairs ({size.pairs * size.starts} for what begins
with a spawn), measured in turns; a ratio is taken within each pair, and its median is shown. For
times, memory and sizes less is better; for calls a second more is.

{surroundings}
- Portkey's stand-in alone, with the same client: {number(upstream)} requests/s
- A call is `list_configs`; each reaches the stand-in, which counts them

{table(measured, "ours")}
"""
    if other is None:
        return text
    return f"""{text}
## On an optimised Python

The same run, and the same figures of the TypeScript server. This server runs on Python
{other.text}, with the same packages.

{table(measured, VARIANT)}
"""


def other_interpreter(options: argparse.Namespace) -> Interpreter | None:
    """The second Python to measure on; exits if the one that was asked for cannot be used."""
    if options.one_python:
        return None
    if options.python is None:
        return optimised()
    other = described(options.python)
    if other is None:
        sys.exit(f"{options.python} is no CPython 3.11 or newer that runs")
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, help="number of times that each server is measured")
    parser.add_argument("--quick", action="store_true", help="one short pair, to try it out")
    parser.add_argument("--only", choices=PARTS, nargs="+", help="measure these parts only")
    pythons = parser.add_mutually_exclusive_group()
    pythons.add_argument("--python", help="a second Python to measure this server on")
    pythons.add_argument("--one-python", action="store_true", help="measure on no second Python")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    size = size._replace(pairs=options.pairs or size.pairs)
    end_on_signal()
    install()
    surroundings = conditions()
    measured = Measured()
    other = other_interpreter(options)
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile() as log,
        failing_with(log),
        bench(log) as running,
    ):
        servers = [ours(), theirs()]
        if other is not None:
            servers.insert(1, ours(command_on(other, Path(folder)), VARIANT))
        upstream = upstream_rate(running, size.seconds)
        for pair in range(size.pairs):
            print(f"pair {pair + 1} of {size.pairs}", flush=True)
            measure_pair(running, servers, options.only or [*PARTS], size, measured)
    text = report(measured, size, upstream, surroundings, other)
    print(text)
    if not options.quick and not options.only:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
