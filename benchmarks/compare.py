"""Compare this server with the TypeScript server, side by side on this machine (Linux).

    python benchmarks/compare.py [--pairs N] [--quick]

Measures the two servers in turns, prints a table and writes RESULTS.md. A quick run only prints:
it is too short for reliable figures. Client, servers and the stand-in for Portkey share the
machine's processors, and are connected only by 127.0.0.1 and pipes.
"""

import argparse
import tempfile
from pathlib import Path

from compared_servers import Bench, bench, install, ours, theirs
from conditions import conditions, end_on_signal, failing_with
from figures import (
    FULL,
    QUICK,
    Size,
    http_figures,
    sessionless_figures,
    start_figures,
    stdio_figures,
    upstream_rate,
)
from table import HEAD, Measured, Row, cells, markdown, number

RESULTS = Path(__file__).with_name("RESULTS.md")
ROWS = [
    Row("stdio: spawn → initialize answered", "ms", "initialize", "initialize", 0.30),
    Row("stdio: spawn → tools/list answered", "ms", "list", "list", 0.30),
    Row("stdio: spawn → first call answered", "ms", "first call", "first call", 0.60),
    Row("stdio: sequential call, p50", "ms", "p50", "p50", 0.85),
    Row("stdio: 64 in flight", "calls/s", "stdio", "stdio", 1.8, is_rate=True),
    Row("HTTP stateless, 32 clients", "calls/s", "stateless", "stateless", 8, is_rate=True),
    Row(
        "HTTP on 2026-07-28, 32 clients, vs its stateless",
        *("calls/s", "sessionless", "stateless", None, True),
    ),
    Row(
        "HTTP on 2026-07-28, 32 clients, vs its stateful",
        *("calls/s", "sessionless", "stateful", None, True),
    ),
    Row("HTTP stateful, 32 clients", "calls/s", "stateful", "stateful", 1.5, is_rate=True),
    Row(
        "HTTP, 2 workers, 32 clients, vs its stateful",
        *("calls/s", "workers", "stateful", 2.5, True),
    ),
    Row(
        "HTTP tools/list, stateful, 32 clients",
        *("lists/s", "stateful lists", "stateful lists", 30, True),
    ),
    Row("memory after load, stdio", "MB", "memory", "memory", 0.35),
    Row("processor time of a call, stdio", "ms", "stdio cpu", "stdio cpu"),
    Row("processor time of a call, HTTP stateless", "ms", "stateless cpu", "stateless cpu"),
    Row("processor time of a call, HTTP stateful", "ms", "stateful cpu", "stateful cpu"),
    Row("tools/list", "kB", "list kB", "list kB"),
]


def measure_pair(bench: Bench, size: Size, measured: Measured) -> None:
    """Measure both servers once, in turns."""
    one, other = ours(), theirs()
    for _ in range(size.starts):
        for server in (one, other):
            measured.add(server.name, start_figures(bench, server))
    for server in (one, other):
        measured.add(server.name, stdio_figures(bench, server, size))
    for mode in ("stateless", "stateful"):
        for server in (one, other):
            measured.add(server.name, http_figures(bench, server, mode, size))
    measured.add("ours", sessionless_figures(bench, one, size))
    workers = http_figures(bench, ours("--workers", "2"), "stateless", size)
    measured.add("ours", {"workers": workers["stateless"]})


def report(measured: Measured, size: Size, upstream: float, surroundings: str) -> str:
    """RESULTS.md."""
    return f"""\
# Results

Written by `make bench`. Medians of {size.pairs} pairs ({size.pairs * size.starts} for what begins
with a spawn), measured in turns; a ratio is taken within each pair, and its median is shown. For
times, memory and sizes less is better; for calls a second more is.

{surroundings}
- Portkey's stand-in alone, with the same client: {number(upstream)} requests/s
- A call is `list_configs`; each reaches the stand-in, which counts them

{markdown(HEAD, [cells(row, measured) for row in ROWS])}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, help="number of times that each server is measured")
    parser.add_argument("--quick", action="store_true", help="one short pair, to try it out")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    size = size._replace(pairs=options.pairs or size.pairs)
    end_on_signal()
    install()
    surroundings = conditions()
    measured = Measured()
    with tempfile.TemporaryFile() as log, failing_with(log), bench(log) as running:
        upstream = upstream_rate(running, size.seconds)
        for pair in range(size.pairs):
            print(f"pair {pair + 1} of {size.pairs}", flush=True)
            measure_pair(running, size, measured)
    text = report(measured, size, upstream, surroundings)
    print(text)
    if not options.quick:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
