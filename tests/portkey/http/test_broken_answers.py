"""Every answer of `broken_answers` over real sockets: to our client, and through aiohttp."""

import asyncio
import ssl

import pytest

from both_clients import by_our_client
from broken_answers import BROKEN, CASES, GROUPS, MAX_BYTES, UNUSABLE, Case, Outcome
from faulty_server import CLOSE, FaultyServer
from portkey_admin_mcp.portkey.http.answer import BrokenAnswer, UnusableAnswer
from portkey_admin_mcp.portkey.http.http1 import Http1
from portkey_admin_mcp.portkey.http.proxied import ProxyClient

ERRORS = {BROKEN: BrokenAnswer, UNUSABLE: UnusableAnswer}
LIMITS = 2, MAX_BYTES, ssl.create_default_context


async def outcome_of(request) -> Outcome:
    """The status and the body, or the kind of error; any other error fails the test."""
    try:
        status, _headers, body = await request
    except BrokenAnswer:
        return BROKEN
    except UnusableAnswer:
        return UNUSABLE
    return status, body


async def direct_outcome(case: Case) -> tuple[Outcome, int]:
    """What our client makes of an answer, and of how many requests."""
    async with FaultyServer([case.answer, CLOSE]) as server:
        http = Http1(*LIMITS)
        outcome = await outcome_of(http.request("POST", server.url, {}, b"{}"))
        http.close()
    return outcome, len(server.requests)


async def proxied_outcome(case: Case) -> tuple[Outcome, int]:
    """The same of the client for proxies."""
    async with FaultyServer([case.answer, CLOSE]) as server:
        http = ProxyClient(*LIMITS)
        request = http.request(server.origin, "POST", "http://portkey.example/v1", {}, b"{}")
        outcome = await outcome_of(request)
        await http.close()
    return outcome, len(server.requests)


@pytest.mark.parametrize("group", GROUPS)
async def test_our_client_makes_of_an_answer_what_it_must(group):
    outcomes = {case.name: await direct_outcome(case) for case in GROUPS[group]}

    assert outcomes == {case.name: (case.outcome, 1) for case in GROUPS[group]}


def test_so_it_does_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def all_cases() -> None:
        for name, case in CASES.items():
            assert await direct_outcome(case) == (case.outcome, 1), name

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_cases())


async def test_it_does_not_matter_how_an_answer_is_divided():
    for case in CASES.values():
        parts = [bytes((byte,)) for byte in case.answer[:20_000]]
        if len(parts) == len(case.answer):
            result = await by_our_client(parts, MAX_BYTES)
            expected = ERRORS.get(case.outcome)
            assert isinstance(result, expected) if expected else result == case.outcome, case


@pytest.mark.parametrize("group", GROUPS)
async def test_the_client_for_proxies_makes_of_it_no_less(group):
    outcomes = {case.name: await proxied_outcome(case) for case in GROUPS[group]}

    assert outcomes == {
        case.name: (case.outcome if case.proxied is None else case.proxied, 1)
        for case in GROUPS[group]
    }
