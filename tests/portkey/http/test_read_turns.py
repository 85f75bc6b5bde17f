"""Large answers are read while their requests hold a slot, and few requests hold one."""

import asyncio
import contextlib
import gzip
import random

import pytest

from both_clients import MemoryTransport
from portkey_admin_mcp.portkey.http.answer import LARGE_BYTES, UnusableAnswer
from portkey_admin_mcp.portkey.http.connection import (
    FIRST_FEED_BYTES,
    MAX_STALL_S,
    MIN_FULL_READ_BYTES,
    TOTAL_TIMEOUT_FACTOR,
    Connection,
)
from portkey_admin_mcp.portkey.http.slots import ReadTurn, Slots

MAX_BYTES = 4_000_000
FULL_READ = MIN_FULL_READ_BYTES
TIMEOUT_S = 30
HEAD = b"HTTP/1.1 200 OK\r\n"
WITH_LENGTH = HEAD + b"content-length: %d\r\n\r\n"
SMALL = WITH_LENGTH % 2 + b"{}"
BODY = bytes(range(256)) * 2_048
LONG = WITH_LENGTH % len(BODY) + BODY
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
PACKED = gzip.compress(BODY, 0)
GZIP = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(PACKED) + PACKED
ANSWERS = {
    "kept in a list": LONG,
    "larger than a list": WITH_LENGTH % (4 * len(BODY)) + 4 * BODY,
    "in chunks": CHUNKED,
    "compressed": GZIP,
    "until the connection ends": HEAD + b"\r\n" + BODY + b"}",
}


class Transport(MemoryTransport):
    """Records whether reading is paused."""

    is_paused = False

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False


class Request:
    """A request on a connection of its own, and what its answer is read with."""

    def __init__(self, slots: Slots) -> None:
        self.transport = Transport()
        self.connection = Connection(MAX_BYTES)
        self.connection.connection_made(self.transport)
        self.turn = ReadTurn(slots)
        with self.turn:
            self.task = asyncio.create_task(self.connection.exchange(b"", None))

    @property
    def is_paused(self) -> bool:
        """Whether no more of the answer is read now."""
        return self.transport.is_paused

    def receive(self, data: bytes) -> None:
        """Receive a part of the answer."""
        self.connection.data_received(data)

    def check_time(self, seconds: float) -> None:
        """Check for timeouts so many seconds after the last data."""
        self.connection.fail_if_timed_out(self.connection.last_data_at + seconds, TIMEOUT_S)


async def turns_of_the_loop() -> None:
    """Let every task go on that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def requests(slots: Slots, count: int = 2) -> list[Request]:
    """Requests that were sent."""
    sent = [Request(slots) for _ in range(count)]
    await turns_of_the_loop()
    return sent


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_large_answer_is_read_only_with_a_slot_which_is_kept_until_it_is_decoded(answer):
    slots = Slots(1)
    first, second = await requests(slots)
    middle = LARGE_BYTES + 500

    first.receive(answer[:middle])
    second.receive(answer[:middle])
    assert (first.is_paused, second.is_paused) == (False, True)

    first.receive(answer[middle:])
    if answer is ANSWERS["until the connection ends"]:
        first.connection.connection_lost(None)
    assert len((await first.task)[2]) in (len(BODY), len(BODY) + 1, 4 * len(BODY))
    await turns_of_the_loop()
    assert second.is_paused, "the first answer is not decoded yet"

    first.turn.release()
    await turns_of_the_loop()
    assert not second.is_paused
    second.receive(answer[middle:])
    if answer is ANSWERS["until the connection ends"]:
        second.connection.connection_lost(None)
    assert (await second.task)[2] == (await first.task)[2]
    second.turn.release()
    assert slots.is_unused


async def test_a_connection_is_used_again_after_a_large_answer():
    slots = Slots(1)
    first, second = await requests(slots)
    first.receive(LONG[:FULL_READ])
    second.receive(LONG[:FULL_READ])
    first.receive(LONG[FULL_READ:])
    await first.task
    first.turn.release()
    await turns_of_the_loop()
    second.receive(LONG[FULL_READ:])

    assert (await second.task)[2] == BODY
    assert second.connection.is_reusable and not second.is_paused
    again = asyncio.create_task(second.connection.exchange(b"", None))
    await asyncio.sleep(0)
    second.receive(SMALL)
    assert (await again)[2] == b"{}"


async def test_a_small_answer_needs_no_slot():
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)

    request.receive(SMALL[:-1])
    assert not request.is_paused
    request.receive(SMALL[-1:])

    assert (await request.task)[2] == b"{}"


async def test_who_waits_for_the_network_gives_the_slot_to_the_next():
    slots = Slots(1)
    first, second = await requests(slots)
    first.receive(LONG[:FULL_READ])
    second.receive(LONG[:FULL_READ])
    assert second.is_paused

    first.receive(LONG[FULL_READ : FULL_READ + 1_000])  # no more has come

    await turns_of_the_loop()
    assert not first.is_paused and not second.is_paused
    first.receive(LONG[FULL_READ + 1_000 : FULL_READ + 2_000])
    assert first.is_paused, "now it has to wait for the other"


async def test_who_receives_nothing_for_a_while_gives_the_slot_to_the_next():
    first, second = await requests(Slots(1))
    first.receive(LONG[:FULL_READ])
    second.receive(LONG[:FULL_READ])

    first.check_time(MAX_STALL_S - 0.1)
    await turns_of_the_loop()
    assert second.is_paused
    first.check_time(MAX_STALL_S)
    await turns_of_the_loop()

    assert not second.is_paused
    assert not first.task.done()


async def test_but_a_complete_answer_that_waits_for_its_decoding_keeps_it():
    first, second = await requests(Slots(1))
    first.receive(LONG[:FULL_READ])
    second.receive(LONG[:FULL_READ])
    first.receive(LONG[FULL_READ:])

    first.check_time(MAX_STALL_S)
    await turns_of_the_loop()

    assert second.is_paused


async def test_a_compressed_answer_is_decompressed_only_with_a_slot():
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)
    body = random.Random(1).randbytes(200_000).hex().encode()
    packed = gzip.compress(body)
    answer = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
    request.receive(answer[:-5_000])
    assert request.is_paused
    assert request.connection._body.size < 4 * FIRST_FEED_BYTES
    request.receive(answer[-5_000:])  # read before, and delivered late
    await turns_of_the_loop()
    assert not request.task.done()

    slots.release(None)
    assert (await request.task)[2] == body
    assert request.connection.is_reusable and not request.is_paused


async def test_what_follows_an_answer_in_the_first_data_ends_its_connection():
    (request,) = await requests(Slots(1), 1)
    answer = WITH_LENGTH % 10_000 + bytes(10_000)
    answer = answer.replace(b"\r\n", b"\r\nx: " + b"y" * 6_000 + b"\r\n", 1)
    padding = FIRST_FEED_BYTES - len(answer)
    answer = answer.replace(b"x: ", b"x: " + b"y" * padding)
    assert len(answer) == FIRST_FEED_BYTES

    request.receive(answer + b"\r\n")

    assert (await request.task)[2] == bytes(10_000)
    assert not request.connection.is_reusable


# Every way out gives the slot back


def end_by_cancellation(request):
    request.task.cancel()


def end_by_a_lost_connection(request):
    request.connection.connection_lost(ConnectionResetError())


def end_by_the_total_timeout(request):
    request.check_time(TOTAL_TIMEOUT_FACTOR * TIMEOUT_S)


def end_by_nonsense(request):
    request.receive(b"\r\nno size of a chunk\r\n" + bytes(FULL_READ))


def end_by_its_size(request):
    request.receive(b"\r\n%x\r\n" % MAX_BYTES + bytes(MAX_BYTES))


WAYS_OUT = [
    end_by_cancellation,
    end_by_a_lost_connection,
    end_by_the_total_timeout,
    end_by_nonsense,
    end_by_its_size,
]
BEGINNING = HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % FULL_READ + bytes(FULL_READ)


@pytest.mark.parametrize("end", WAYS_OUT)
async def test_an_exchange_that_fails_while_it_is_read_gives_its_slot_back(end):
    slots = Slots(1)
    first, second = await requests(slots)
    first.receive(BEGINNING)
    second.receive(BEGINNING)
    assert not first.is_paused and second.is_paused

    end(first)
    with contextlib.suppress(asyncio.CancelledError, OSError, UnusableAnswer):
        await first.task

    await turns_of_the_loop()
    assert not second.is_paused
    second.task.cancel()
    await asyncio.wait([second.task])
    assert slots.is_unused


@pytest.mark.parametrize("end", WAYS_OUT[:3])
async def test_an_exchange_that_fails_while_it_is_paused_waits_for_no_slot(end):
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)
    request.receive(BEGINNING)
    assert request.is_paused

    end(request)
    with pytest.raises((asyncio.CancelledError, OSError, UnusableAnswer)):
        await request.task

    await turns_of_the_loop()
    slots.release(None)
    assert slots.is_unused


@pytest.mark.parametrize("end", WAYS_OUT)
async def test_an_exchange_that_fails_when_it_gets_the_slot_gives_it_back(end):
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)
    request.receive(BEGINNING)

    slots.release(None)
    end(request)
    await asyncio.wait([request.task])

    await turns_of_the_loop()
    assert request.task.cancelled() or request.task.exception() is not None
    assert slots.is_unused


async def test_a_large_error_gives_its_slot_back_because_it_is_not_decoded():
    slots = Slots(1)
    (request,) = await requests(slots, 1)

    request.receive(LONG.replace(b"200 OK", b"500 Oops")[:FULL_READ])
    assert not slots.take(None)
    request.receive(LONG.replace(b"200 OK", b"500 Oops")[FULL_READ:])

    assert (await request.task)[0] == 500
    assert slots.is_unused


async def test_the_end_of_a_turn_gives_its_slot_back():
    slots = Slots(1)
    with ReadTurn(slots) as turn:
        assert turn.take() and turn.take()
        assert not slots.take(None)

    assert slots.is_unused


# Timeouts


async def test_silence_during_a_pause_is_no_timeout_and_is_counted_anew_after_it():
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)
    request.receive(LONG[:FULL_READ])

    request.check_time(TIMEOUT_S)
    await turns_of_the_loop()
    assert not request.task.done()

    request.connection.last_data_at -= TIMEOUT_S  # as if so much time had passed
    slots.release(None)
    await turns_of_the_loop()
    request.connection.fail_if_timed_out(asyncio.get_running_loop().time(), TIMEOUT_S)
    await turns_of_the_loop()
    assert not request.is_paused and not request.task.done()

    request.check_time(TIMEOUT_S)
    with pytest.raises(TimeoutError):
        await request.task


async def test_the_total_timeout_holds_during_a_pause():
    slots = Slots(1)
    assert slots.take(None)
    (request,) = await requests(slots, 1)
    request.receive(LONG[:FULL_READ])

    request.check_time(TOTAL_TIMEOUT_FACTOR * TIMEOUT_S - 1)
    await turns_of_the_loop()
    assert not request.task.done()
    request.check_time(TOTAL_TIMEOUT_FACTOR * TIMEOUT_S)

    with pytest.raises(TimeoutError):
        await request.task
