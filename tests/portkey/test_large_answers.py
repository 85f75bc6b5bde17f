"""Large answers are decoded and presented in a thread, and the event loop goes on meanwhile."""

import asyncio
import json
import threading

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.http.answer import LARGE_BYTES
from portkey_admin_mcp.portkey.http.slots import CALLER, READ_TURN
from portkey_admin_mcp.portkey.large_answers import MAX_UNDECODED, AnswerSize, LargeAnswers
from portkey_admin_mcp.settings.settings import Settings
from servers import build_calls


def page(rows):
    """An answer of Portkey with this number of configs."""
    configs = [{"id": str(n), "slug": f"pc-{n}", "name": f"Config {n}"} for n in range(rows)]
    return json.dumps({"object": "list", "total": rows, "data": configs}).encode()


class CountedAnswers(LargeAnswers):
    """Counts what is done in the thread."""

    count = 0

    async def run(self, work, *arguments):
        self.count += 1
        return await super().run(work, *arguments)


def calls_answered_with(content, answers=None):
    async def transport(*_request):
        return 200, {}, content

    portkey = Portkey(Settings(PORTKEY_API_KEY=SecretStr("a-key")), transport)
    portkey.large_answers = answers or portkey.large_answers
    return build_calls(lambda: portkey)


@pytest.mark.parametrize("arguments", [{}, {"fields": "*"}, {"format": "csv"}])
async def test_the_event_loop_goes_on_while_a_large_answer_is_worked_on(arguments):
    large, small = calls_answered_with(page(10_000)), calls_answered_with(page(5))
    await small("list_configs", arguments)
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    await small("list_configs", arguments)
    turns_of_small, turns = turns, 0
    outcome = await large("list_configs", arguments)
    turning.cancel()

    assert turns_of_small < 10
    # In the event loop, it would be as many as for a small one.
    assert turns > 30
    assert not outcome.is_error
    assert outcome.structured["total"] == 10_000


@pytest.mark.parametrize(("rows", "count"), [(5, 0), (10_000, 2)])
async def test_a_large_answer_is_decoded_and_presented_in_the_thread(rows, count):
    answers = CountedAnswers()

    await calls_answered_with(page(rows), answers)("list_configs", {})

    assert answers.count == count


def thread():
    return threading.current_thread().name.rpartition("_")[0]


async def test_only_large_answers_are_decoded_in_the_thread_and_all_are_measured():
    answers = LargeAnswers()
    with AnswerSize() as size:
        threads = [
            await asyncio.create_task(answers.decode(b"x" * length, thread))
            for length in (10, LARGE_BYTES - 1, LARGE_BYTES)
        ]
    unmeasured = await answers.decode(b"x", thread)

    assert threads == ["", "", "large-answers"]
    assert unmeasured == ""
    assert size.bytes == 2 * LARGE_BYTES + 9
    assert size.is_large


async def test_callers_with_large_answers_take_turns():
    answers, order = LargeAnswers(), []
    content, begin = b"x" * LARGE_BYTES, threading.Event()

    async def decode(caller, work=None):
        CALLER.set(caller)
        await answers.decode(content, work or (lambda: order.append(caller)))

    tasks = [asyncio.create_task(decode("ada", begin.wait))]
    tasks += [asyncio.create_task(decode(caller)) for caller in ("ada", "ada", "ada", "ben")]
    await asyncio.sleep(0)
    begin.set()
    await asyncio.gather(*tasks)

    assert order == ["ada", "ben", "ada", "ada"]


async def test_what_was_decoded_is_presented_before_more_is_decoded():
    answers, order = LargeAnswers(), []
    content = b"x" * LARGE_BYTES

    async def call(number):
        await answers.decode(content, order.append, f"decoded {number}")
        await answers.run(order.append, f"presented {number}")

    await asyncio.gather(*(call(number) for number in range(5)))

    waiting = [order[:n].count for n in range(len(order) + 1)]
    kept = [
        sum(count(f"decoded {n}") - count(f"presented {n}") for n in range(5)) for count in waiting
    ]
    assert max(kept) <= 2


async def test_an_answer_keeps_its_read_slot_until_it_is_decoded_and_no_longer():
    read, may_decode = 0, threading.Event()

    class Blocked(Record):
        @classmethod
        def read(cls, data):
            may_decode.wait()
            return super().read(data)

    async def transport(*_request):
        nonlocal read
        await READ_TURN.get().wait()
        read += 1
        return 200, {}, page(10_000)

    portkey = Portkey(Settings(PORTKEY_API_KEY=SecretStr("a-key")), transport)
    send = [portkey.send("GET", "/configs", returns=Blocked) for _ in range(2 * MAX_UNDECODED)]
    sending = asyncio.gather(*send)
    for _ in range(20):
        await asyncio.sleep(0)

    read_at_once = read
    may_decode.set()
    await sending
    assert read_at_once == MAX_UNDECODED
    assert read == 2 * MAX_UNDECODED
    assert READ_TURN.get() is None


async def test_a_file_is_downloaded_with_a_read_slot_which_is_then_free():
    async def transport(*_request):
        assert READ_TURN.get().take()
        return 206, {}, b"x"

    portkey = Portkey(Settings(PORTKEY_API_KEY=SecretStr("a-key")), transport)
    for _ in range(MAX_UNDECODED + 1):
        await portkey.download("https://files.example.com/a", 10)


def test_what_another_event_loop_holds_keeps_nobody_waiting():
    """A loop that has ended gives no slot back, and one cannot wake what waits in another."""
    answers = LargeAnswers()
    content = b"x" * LARGE_BYTES

    async def decoded():
        async with asyncio.timeout(10):
            return await answers.decode(content, len, content)

    # Each loop ends before the pause in which the slot is given back.
    assert [asyncio.run(decoded()) for _ in range(3)] == [LARGE_BYTES] * 3
