"""Every answer of `broken_answers` over real sockets: to our client, and through aiohttp."""

import asyncio
import ssl

import pytest

from both_clients import by_our_client
from broken_answers import BROKEN, CASES, MAX_BYTES, UNUSABLE, Case, Outcome
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


async def require_outcome(case: Case) -> None:
    async with FaultyServer([case.answer, CLOSE]) as server:
        http = Http1(*LIMITS)
        outcome = await outcome_of(http.request("POST", server.url, {}, b"{}"))
        http.close()

    assert outcome == case.outcome, case.name
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", CASES)
async def test_our_client_makes_of_an_answer_what_it_must(name):
    await require_outcome(CASES[name])


def test_so_it_does_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def all_cases() -> None:
        for case in CASES.values():
            await require_outcome(case)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_cases())


async def test_it_does_not_matter_how_an_answer_is_divided():
    for case in CASES.values():
        parts = [bytes((byte,)) for byte in case.answer[:20_000]]
        if len(parts) == len(case.answer):
            result = await by_our_client(parts, MAX_BYTES)
            expected = ERRORS.get(case.outcome)
            assert isinstance(result, expected) if expected else result == case.outcome, case


@pytest.mark.parametrize("name", CASES)
async def test_the_client_for_proxies_makes_of_it_no_less(name):
    case = CASES[name]

    async with FaultyServer([case.answer, CLOSE]) as server:
        http = ProxyClient(*LIMITS)
        request = http.request(server.origin, "POST", "http://portkey.example/v1", {}, b"{}")
        outcome = await outcome_of(request)
        await http.close()

    assert outcome == (case.outcome if case.proxied is None else case.proxied)
    assert len(server.requests) == 1
