"""Which request ids are in use, and what a cancellation ends."""

import asyncio

import pytest

from portkey_admin_mcp.server.calls.open_requests import OpenRequests


async def never():
    await asyncio.Event().wait()


@pytest.fixture
def requests():
    return OpenRequests()


@pytest.fixture
async def task():
    task = asyncio.ensure_future(never())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_id_is_in_use_until_its_request_is_answered(requests):
    requests.open(1)

    assert 1 in requests
    assert "1" not in requests
    requests.close(1)
    assert 1 not in requests


async def test_only_a_request_of_the_fast_path_can_be_cancelled_here(requests, task):
    requests.open("sdk")
    requests.open("fast", task)

    assert not requests.cancel_task("sdk")
    assert not requests.cancel_task("unknown")
    assert requests.cancel_task("fast")
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_task_that_ends_late_does_not_close_the_next_request_of_its_id(requests, task):
    other = asyncio.ensure_future(never())
    requests.open(1, other)

    requests.close(1, task)
    assert 1 in requests
    requests.close(1, other)
    assert 1 not in requests
    other.cancel()


async def test_closing_what_is_not_open_changes_nothing(requests):
    requests.open(1)
    requests.close(2)

    assert 1 in requests


async def test_waiting_ends_when_the_last_request_is_answered(requests):
    await asyncio.wait_for(requests.all_closed(), 1)
    requests.open(1)
    requests.open(2)
    waiting = asyncio.ensure_future(requests.all_closed())

    requests.close(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    requests.close(2)
    await asyncio.wait_for(waiting, 1)


async def test_an_id_in_use_is_not_opened_again(requests):
    requests.open(1)

    with pytest.raises(AssertionError):
        requests.open(1)
