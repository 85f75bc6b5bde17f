"""Emulators share the month of requests to read it, and none sees what another one writes."""

import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.month import REQUESTS
from portkey_admin_mcp.emulator.traffic.month_database import is_shared
from portkey_admin_mcp.emulator.traffic.requests import database

LOG = {
    "request": {"url": "https://a.example", "method": "POST", "provider": "openai", "body": {}},
    "response": {"status": 200, "body": {}, "response_time": 9},
    "metadata": {"traceId": "one"},
}
SCORE = {"trace_id": "trace-1", "value": 5}
WRITES: dict[str, Callable[[Emulator], None]] = {
    "log": lambda emulator: send(emulator, "POST /v1/logs", LOG),
    "feedback": lambda emulator: send(emulator, "POST /v1/feedback", SCORE),
}


def send(emulator: Emulator, endpoint: str, body: object, status: int = 200) -> None:
    """Send a request with a workspace's key, and check the status of the answer."""
    method, path = endpoint.split()
    headers = {"x-portkey-api-key": emulator.keys()["workspace-service"]}
    assert emulator.answer(method, path, headers, json.dumps(body).encode())[0] == status


def rows(emulator: Emulator) -> tuple[int, int, int]:
    """The number of requests, of scores, and of requests with a score."""
    sql = (
        "select (select count(*) from requests), (select count(*) from feedback),"
        " (select sum(feedbacks) from requests)"
    )
    counts: tuple[int, int, int] = database(emulator.store).execute(sql).fetchone()
    return counts


@pytest.fixture
def two() -> tuple[Emulator, Emulator]:
    """Two emulators of the same organisation, at the same time."""
    return Emulator("acme", frozen_time), Emulator("acme", frozen_time)


@pytest.mark.parametrize("kind", WRITES)
def test_what_one_emulator_writes_no_other_one_sees(two, kind):
    first, second = two
    before = rows(first)
    assert before == rows(second)
    assert before[0] == REQUESTS

    WRITES[kind](first)

    assert rows(first) > before
    assert rows(second) == before
    assert (is_shared(first.store.database), is_shared(second.store.database)) == (False, True)
    assert rows(Emulator("acme", frozen_time)) == before


def test_an_emulator_that_starts_over_has_the_same_month_again(two):
    first, _second = two
    before = rows(first)
    WRITES["log"](first)

    first.reset()

    assert rows(first) == before
    assert is_shared(first.store.database)


def test_a_write_that_fails_leaves_the_month_as_it_was(two):
    first, second = two
    before = rows(first)
    # The second log is refused after the first one was added.
    bad = {**LOG, "metadata": {"traceId": 5}}

    send(first, "POST /v1/logs", [LOG, bad], status=400)

    assert rows(first) == rows(second) == before
    WRITES["log"](first)
    assert rows(first)[0] == REQUESTS + 1


def test_nothing_can_write_to_the_shared_month(two):
    first, second = two
    before = rows(second)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database(first.store).execute("update requests set cost = 0")

    assert rows(second) == before


def test_emulators_in_several_threads_read_and_write_at_the_same_time():
    def use(number: int) -> tuple[int, int]:
        emulator = Emulator("acme", frozen_time)
        before = rows(emulator)[0]
        for _write in range(number % 3):
            WRITES["log"](emulator)
        return before, rows(emulator)[0]

    with ThreadPoolExecutor(4) as pool:
        counts = [*pool.map(use, range(12))]

    assert counts == [(REQUESTS, REQUESTS + number % 3) for number in range(12)]
