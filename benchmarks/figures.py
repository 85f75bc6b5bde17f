"""The measurements of a server: its start, its calls on stdio and over HTTP, and their cost."""

import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import http_load
from compared_servers import Bench, Implementation, bench
from http_load import HttpLoad
from messages import CALL, LIST, SESSIONLESS_CALL, Message
from processes import connections, cpu_s, resident_mb, tree
from table import Figures

IN_FLIGHT = 64
CLIENTS = 32
MAX_CALLS = 100_000
ANSWER_TIMEOUT_S = 60
WORKERS = 2
SPREAD_CONNECTIONS = 128
ANSWER_BYTES = {"100 kB": 100_000, "5 MB": 5_000_000}
ANSWER_CALLS = {"100 kB": 100, "5 MB": 20}
UNCUT = {"MCP_MAX_RESULT_CHARS": "20000000"}
"""Turns off the limit of 80,000 characters at which this server cuts long answers by default."""


class Size(NamedTuple):
    """The size of a run: pairs, starts in each, calls on stdio, seconds of HTTP load."""

    pairs: int
    starts: int
    sequential: int
    in_flight: int
    seconds: float


FULL = Size(pairs=5, starts=3, sequential=500, in_flight=3000, seconds=3)
QUICK = Size(pairs=1, starts=1, sequential=100, in_flight=500, seconds=1)


def start_figures(bench: Bench, server: Implementation) -> Figures:
    """Milliseconds from the start of a process to its answers, waiting as a client does."""
    with bench.stdio(server) as client:
        initialize = client.initialize()
        answer = client.ask(LIST)
        listed = time.perf_counter() - client.started_at
    with bench.stdio(server) as client:
        client.initialize()
        client.ask(CALL)
        called = time.perf_counter() - client.started_at
    return {
        "initialize": initialize * 1000,
        "list": listed * 1000,
        "first call": called * 1000,
        "list kB": len(answer) / 1000,
    }


def stdio_figures(bench: Bench, server: Implementation, size: Size) -> Figures:
    """Sequential calls, then many at once, and the memory afterwards."""
    with bench.stdio(server) as client:
        client.initialize()
        warm = size.sequential // 5
        before = bench.answered()
        client.load(warm, 1, ANSWER_TIMEOUT_S)
        sequential = client.load(size.sequential, 1, ANSWER_TIMEOUT_S)
        client.load(warm, IN_FLIGHT, ANSWER_TIMEOUT_S)
        spent = cpu_s(client.pid)
        load = client.load(size.in_flight, IN_FLIGHT, ANSWER_TIMEOUT_S)
        spent = cpu_s(client.pid) - spent
        sent = 2 * warm + len(sequential.each_s) + len(load.each_s)
        _expect_answered(bench, before + sent)
        return {
            "p50": statistics.median(sequential.each_s) * 1000,
            "stdio": load.rate,
            "stdio cpu": spent / len(load.each_s) * 1000,
            "memory": resident_mb(client.pid),
        }


def http_figures(bench: Bench, server: Implementation, mode: str, size: Size) -> Figures:
    """Calls and lists of 32 clients."""
    with bench.http(server, mode) as (pid, port):
        sessions = http_load.open_sessions(port, CLIENTS)
        calls, cpu_ms = call_figures(bench, pid, port, CALL, sessions, size.seconds)
        load(port, LIST, sessions, size.seconds / 4)
        lists = load(port, LIST, sessions, size.seconds)
        return {
            mode: calls.rate,
            f"{mode} p99": p99_ms(calls),
            f"{mode} cpu": cpu_ms,
            f"{mode} lists": lists.rate,
        }


def p99_ms(load: HttpLoad) -> float:
    """The 99th percentile of the time of a request, in milliseconds."""
    return statistics.quantiles(load.each_s, n=100)[98] * 1000


def worker_figures(bench: Bench, server: Implementation, size: Size) -> Figures:
    """Calls of 32 clients on two workers, and the larger share of 128 connections in percent."""
    workers = server.on_http_with("--workers", str(WORKERS))
    with bench.http(workers, "stateless") as (pid, port):
        none = [None] * CLIENTS
        calls, cpu_ms = call_figures(bench, pid, port, CALL, none, size.seconds)
        share = largest_share(pid, port)
    return {
        "workers": calls.rate,
        "workers p99": p99_ms(calls),
        "workers cpu": cpu_ms,
        "largest share": share,
    }


def largest_share(pid: int, port: int) -> float:
    """The percentage of new connections that the busiest process of a server accepts."""
    with ExitStack() as opened:
        for _ in range(SPREAD_CONNECTIONS):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        counts: list[int] = []
        while sum(counts) < SPREAD_CONNECTIONS and time.monotonic() < deadline:
            time.sleep(0.1)  # until the processes have accepted all of them
            counts = [connections(each, port) for each in tree(pid)]
    return max(counts) / SPREAD_CONNECTIONS * 100


def answer_figures(running: Bench, server: Implementation) -> Figures:
    """Calls on stdio with long answers of Portkey, of which nothing is cut."""
    uncut = server._replace(environment={**server.environment, **UNCUT})
    figures: Figures = {}
    for name, answer_bytes in ANSWER_BYTES.items():
        calls = ANSWER_CALLS[name]
        with bench(running.log, answer_bytes) as large, large.stdio(uncut) as client:
            client.initialize()
            client.load(calls // 5, 1, ANSWER_TIMEOUT_S)
            spent = cpu_s(client.pid)
            loaded = client.load(calls, 1, ANSWER_TIMEOUT_S)
            spent = cpu_s(client.pid) - spent
            figures[f"{name} p50"] = statistics.median(loaded.each_s) * 1000
            figures[f"{name} cpu"] = spent / calls * 1000
    return figures


def sessionless_figures(bench: Bench, server: Implementation, size: Size) -> Figures:
    """Calls of 32 clients on the protocol revision without sessions."""
    with bench.http(server, "stateless") as (pid, port):
        none = [None] * CLIENTS
        calls, cpu_ms = call_figures(bench, pid, port, SESSIONLESS_CALL, none, size.seconds)
        return {
            "sessionless": calls.rate,
            "sessionless p99": p99_ms(calls),
            "sessionless cpu": cpu_ms,
        }


def call_figures(
    bench: Bench,
    pid: int,
    port: int,
    message: Message,
    sessions: Sequence[str | None],
    seconds: float,
) -> tuple[HttpLoad, float]:
    """Calls of a warm server, and the milliseconds of processor time for each."""
    before = bench.answered()
    warm = load(port, message, sessions, seconds / 2)
    spent = cpu_s(pid)
    loaded = load(port, message, sessions, seconds)
    spent = cpu_s(pid) - spent
    _expect_answered(bench, before + len(warm.each_s) + len(loaded.each_s))
    return loaded, spent / len(loaded.each_s) * 1000


def load(port: int, message: Message, sessions: Sequence[str | None], seconds: float) -> HttpLoad:
    """Send a message many times, at most `MAX_CALLS`."""
    return http_load.load(port, message, sessions, seconds, MAX_CALLS)


def _expect_answered(bench: Bench, expected: int) -> None:
    if (answered := bench.answered()) != expected:
        raise ValueError(f"Portkey's stand-in answered {answered} requests, not {expected}")


def upstream_rate(bench: Bench, seconds: float) -> float:
    """Requests a second that the stand-in answers to the client itself: the ceiling of both."""
    # The stand-in parses only where a request's head ends, so it accepts any request.
    return load(bench.upstream, CALL, [None] * CLIENTS, seconds).rate
