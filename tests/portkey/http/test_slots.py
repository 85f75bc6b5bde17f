"""Slots: who may have a connection, and who waits."""

import asyncio

from portkey_admin_mcp.portkey.http.slots import Slots


async def waiting(slots: Slots, caller: str) -> asyncio.Task[None]:
    """A task that waits for a slot."""
    task = asyncio.create_task(slots.wait(caller))
    await asyncio.sleep(0)
    return task


def taken(slots: Slots, caller: str | None) -> int:
    """How many slots a caller can take at once."""
    count = 0
    while slots.take(caller):
        count += 1
    return count


def test_the_only_user_of_a_process_may_take_all():
    assert taken(Slots(64), None) == 64


def test_a_caller_may_take_half_and_each_further_one_half_of_the_rest():
    slots = Slots(64)

    assert [taken(slots, name) for name in "abcdefg"] == [32, 16, 8, 4, 2, 1, 1]
    assert taken(slots, "h") == 0


def test_what_is_returned_may_be_taken_again():
    slots = Slots(4)
    assert taken(slots, "a") == 2

    slots.release("a")

    assert taken(slots, "a") == 1
    slots.release("a")
    slots.release("a")
    assert slots.is_unused


async def test_a_slot_goes_to_the_callers_in_turn_however_many_calls_each_has():
    slots = Slots(1)
    slots.take("a")
    order = []
    names = ["a"] * 3 + ["b", "c"]
    for name in names:
        (await waiting(slots, name)).add_done_callback(lambda _task, name=name: order.append(name))

    holder = "a"
    for _ in names:
        slots.release(holder)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        holder = order[-1]

    assert order == ["a", "b", "c", "a", "a"]
    slots.release("a")
    assert slots.is_unused


async def test_a_call_that_is_cancelled_while_it_waits_takes_nothing():
    slots = Slots(1)
    slots.take("a")
    task = await waiting(slots, "b")

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    slots.release("a")

    assert slots.is_unused


async def test_a_call_that_is_cancelled_when_it_gets_a_slot_returns_it():
    slots = Slots(1)
    slots.take("a")
    task, next_task = await waiting(slots, "b"), await waiting(slots, "c")

    slots.release("a")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await next_task
    slots.release("c")

    assert slots.is_unused


async def test_a_new_call_does_not_overtake_one_of_the_same_caller():
    slots = Slots(4)
    assert taken(slots, "a") == 2
    task = await waiting(slots, "a")

    assert not slots.take("a")
    assert slots.take("b")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
