"""The measurements of a server: its start, its calls on stdio and over HTTP, and their cost."""

import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

import http_load
from compared_servers import Bench, Implementation
from http_load import HttpLoad
from messages import CALL, LIST, SESSIONLESS_CALL, Message
from processes import cpu_s, resident_mb
from table import Figures

IN_FLIGHT = 64
CLIENTS = 32
MAX_CALLS = 100_000
ANSWER_TIMEOUT_S = 60


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
        return {mode: calls.rate, f"{mode} cpu": cpu_ms, f"{mode} lists": lists.rate}


def sessionless_figures(bench: Bench, server: Implementation, size: Size) -> Figures:
    """Calls of 32 clients on the protocol revision without sessions."""
    with bench.http(server, "stateless") as (pid, port):
        none = [None] * CLIENTS
        calls, _cpu_ms = call_figures(bench, pid, port, SESSIONLESS_CALL, none, size.seconds)
        return {"sessionless": calls.rate}


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
