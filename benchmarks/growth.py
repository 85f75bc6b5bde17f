"""How figures of both servers change with tools, with clients, and with answer size (Linux).

    python benchmarks/growth.py [--only tools|clients|answers] [--rounds N] [--quick]

Writes GROWTH.md and a plot of each under docs/benchmarks; a quick run, which is too short for
reliable figures, writes to a new temporary folder and prints its path. Needs the packages in
requirements.txt.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import http_load
from compared_servers import Bench, Implementation, bench, install, ours, ours_with, theirs
from conditions import conditions, end_on_signal, failing_with
from figures import (
    ANSWER_TIMEOUT_S,
    FULL,
    QUICK,
    UNCUT,
    Size,
    call_figures,
    http_figures,
    load,
    p99_ms,
    start_figures,
    stdio_figures,
)
from messages import CALL, LIST, SESSIONLESS_CALL, Message
from plots import Panel, Point, draw
from portkey_admin_mcp.server.mcp.definitions import all_tools
from processes import resident_mb
from table import Figures, markdown, number

HERE = Path(__file__).parent
PLOTS = HERE.parent / "docs" / "benchmarks"
TOOLS = (1, 50, None, 1_000)
"""None means all tools."""
CLIENTS = (1, 16, 128, 512)
ANSWER_BYTES = (1_000, 100_000, 5_000_000)
ANSWER_CLIENTS = 8
ANSWERS_AT_ONCE = 8
MIN_CALLS = 20


class Growth(NamedTuple):
    """A quantity that is varied: how it is measured, and which figures are plotted."""

    name: str
    axis: str
    measure: Callable[[IO[bytes], Size], Iterator[Point]]
    panels: tuple[Panel, ...]


def with_tools(log: IO[bytes], size: Size) -> Iterator[Point]:
    """Measure start, calls and lists with different numbers of tools."""
    servers = [_with_tools(count) for count in TOOLS]
    # The TypeScript server can only be narrowed by domain: one domain, and all.
    servers += [theirs(PORTKEY_TOOL_DOMAINS="configs"), theirs()]
    with bench(log) as running:
        for server in servers:
            figures = start_figures(running, server)
            figures |= stdio_figures(running, server, size)
            figures |= http_figures(running, server, "stateful", size)
            yield Point(server.name, _listed(running, server), figures)


def _with_tools(count: int | None) -> Implementation:
    names = [tool.name for tool in all_tools()]
    if count is None:
        return ours()
    if count > len(names):
        return ours_with(count)
    names.remove(CALL.params["name"])
    return ours(PORTKEY_TOOLS=",".join([CALL.params["name"], *names[: count - 1]]))


def _listed(running: Bench, server: Implementation) -> int:
    with running.stdio(server) as client:
        client.initialize()
        return len(json.loads(client.ask(LIST))["result"]["tools"])


def with_clients(log: IO[bytes], size: Size) -> Iterator[Point]:
    """Measure calls over HTTP from different numbers of clients at once."""
    with bench(log) as running:
        for count in CLIENTS:
            for mode in ("stateless", "stateful"):
                for server in (ours(), theirs()):
                    line = f"{server.name}, {mode}"
                    with running.http(server, mode) as (pid, port):
                        sessions = http_load.open_sessions(port, count)
                        yield Point(line, count, _calls(running, pid, port, CALL, sessions, size))
            with running.http(ours(), "stateless") as (pid, port):
                figures = _calls(running, pid, port, SESSIONLESS_CALL, [None] * count, size)
                yield Point("ours, 2026-07-28", count, figures)


def _calls(
    running: Bench,
    pid: int,
    port: int,
    message: Message,
    sessions: Sequence[str | None],
    size: Size,
) -> Figures:
    loaded, cpu_ms = call_figures(running, pid, port, message, sessions, size.seconds)
    each_ms = [second * 1000 for second in loaded.each_s]
    return {
        "rate": loaded.rate,
        "cpu": cpu_ms,
        "p50": statistics.median(each_ms),
        "p99": p99_ms(loaded),
        "memory": resident_mb(pid),
    }


def with_answers(log: IO[bytes], size: Size) -> Iterator[Point]:
    """Measure calls on stdio and over HTTP with answers of Portkey of different sizes."""
    cut, uncut, other = ours(), ours(**UNCUT), theirs()
    lines = (("ours", uncut), ("ours, cut at 80,000", cut), ("theirs", other))
    for answer_bytes in ANSWER_BYTES:
        calls = max(MIN_CALLS, min(size.sequential, 10_000_000 // answer_bytes))
        with bench(log, answer_bytes) as running:
            for line, server in lines:
                with running.stdio(server) as client:
                    client.initialize()
                    client.load(calls // 5, 1, ANSWER_TIMEOUT_S)
                    sequential = client.load(calls, 1, ANSWER_TIMEOUT_S)
                    at_once = client.load(calls, ANSWERS_AT_ONCE, ANSWER_TIMEOUT_S)
                    figures = {
                        "p50": statistics.median(sequential.each_s) * 1000,
                        "rate": at_once.rate,
                        "memory": resident_mb(client.pid),
                    }
                with running.http(server, "stateful") as (_, port):
                    sessions = http_load.open_sessions(port, ANSWER_CLIENTS)
                    load(port, CALL, sessions, size.seconds / 2)
                    figures["http"] = load(port, CALL, sessions, size.seconds).rate
                yield Point(line, answer_bytes, figures)


GROWTHS = (
    Growth(
        "tools",
        "tools listed",
        with_tools,
        (
            Panel("initialize", "stdio: initialize answered", "ms"),
            Panel("list", "stdio: tools/list answered", "ms"),
            Panel("first call", "stdio: first call answered", "ms"),
            Panel("stateful lists", "HTTP stateful: tools/list", "lists/s"),
            Panel("stdio", "stdio: 64 in flight", "calls/s"),
            Panel("memory", "stdio: memory after load", "MB"),
        ),
    ),
    Growth(
        "clients",
        "clients at once, over HTTP",
        with_clients,
        (
            Panel("rate", "calls", "calls/s"),
            Panel("p50", "a call, median", "ms"),
            Panel("p99", "a call, 99th percentile", "ms"),
            Panel("cpu", "processor time of a call", "ms"),
            Panel("memory", "memory after load", "MB"),
        ),
    ),
    Growth(
        "answers",
        "bytes of Portkey's answer",
        with_answers,
        (
            Panel("p50", "stdio: sequential call, p50", "ms"),
            Panel("rate", f"stdio: {ANSWERS_AT_ONCE} in flight", "calls/s"),
            Panel("http", f"HTTP stateful: {ANSWER_CLIENTS} clients", "calls/s"),
            Panel("memory", "stdio: memory after load", "MB"),
        ),
    ),
)


def medians(points: list[Point]) -> list[Point]:
    """One point for each line and x, with the medians of the figures measured there."""
    groups: dict[tuple[str, float], list[Figures]] = {}
    for line, x, figures in points:
        groups.setdefault((line, x), []).append(figures)
    return [
        Point(line, x, {name: statistics.median(f[name] for f in group) for name in group[0]})
        for (line, x), group in sorted(groups.items())
    ]


def section(growth: Growth, points: list[Point]) -> str:
    """The figures of one growth, as a table."""
    head = ("", growth.axis, *(f"{panel.title}, {panel.unit}" for panel in growth.panels))
    rows = [
        (point.line, f"{point.x:,.0f}", *(number(point.figures[p.figure]) for p in growth.panels))
        for point in points
    ]
    return f"## {growth.name.capitalize()}\n\n{markdown(head, rows)}\n"


def measure(growth: Growth, rounds: int, size: Size) -> list[Point]:
    """Measure everything once in each round, so that a slow minute affects both servers."""
    points: list[Point] = []
    with tempfile.TemporaryFile() as log, failing_with(log):
        for turn in range(rounds):
            print(f"{growth.name}: round {turn + 1} of {rounds}", flush=True)
            points += growth.measure(log, size)
    return medians(points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [growth.name for growth in GROWTHS]
    parser.add_argument("--only", choices=names, action="append", help="may be repeated")
    parser.add_argument("--rounds", type=int, help="how often each point is measured")
    parser.add_argument("--quick", action="store_true", help="one short round, to try it out")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 3)
    end_on_signal()
    install()
    kind = "One short round" if options.quick else f"Medians of {rounds} rounds"
    text = f"""\
# Growth

Written by `make bench-growth`. {kind}, in which every point is measured once.

{conditions()}
"""
    folder = Path(tempfile.mkdtemp()) if options.quick else PLOTS
    folder.mkdir(parents=True, exist_ok=True)
    for growth in GROWTHS:
        if growth.name in (options.only or names):
            points = measure(growth, rounds, QUICK if options.quick else FULL)
            draw(folder / f"{growth.name}.png", growth.axis, growth.panels, points)
            text += f"\n{section(growth, points)}"
    (folder if options.quick else HERE).joinpath("GROWTH.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"The plots are in {folder}")


if __name__ == "__main__":
    main()
