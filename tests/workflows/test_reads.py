"""The reads of a workflow: a few at a time, at most so many, and by name what they lacked."""

import asyncio
import json

import pytest

from portkey_admin_mcp.errors import Forbidden, Unauthenticated
from portkey_admin_mcp.models.api_keys import ApiKeyFilter
from portkey_admin_mcp.models.usage_limits import UsageLimitFilter
from portkey_admin_mcp.tools.api_keys import list_api_keys
from portkey_admin_mcp.tools.usage_limits import list_usage_limits
from portkey_admin_mcp.workflows.reads import MAX_AT_ONCE, MAX_PAGES, MAX_REASONS, Reads

ONE = ApiKeyFilter(page_size=1)


async def test_no_more_requests_are_sent_than_the_limit_and_the_answer_says_so(api, emulator):
    reads = Reads(api, 3)
    emulator.log.clear()
    records = [await reads.one(list_api_keys, ONE, where=f"ws-{number}") for number in range(5)]

    assert [record is not None for record in records] == [True, True, True, False, False]
    assert len(emulator.log) == reads.requests == 3
    assert reads.not_seen == ["list_api_keys: the limit of 3 requests a call (ws-3, ws-4)"]


async def test_only_some_requests_wait_for_portkey_at_the_same_time(api):
    waiting, most = 0, 0

    def counted(transport):
        async def send(*request):
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(0.001)
            waiting -= 1
            return await transport(*request)

        return send

    reads = Reads(api.with_transport(counted), 100)
    await asyncio.gather(*(reads.one(list_api_keys, ONE) for _number in range(20)))

    assert most == MAX_AT_ONCE


async def test_a_key_that_is_no_longer_valid_ends_the_call_although_others_succeeded(api, emulator):
    reads = Reads(api, 9)
    await reads.one(list_api_keys, ONE)
    emulator.answer("POST", "/emulator/faults", {}, b'{"answers": [{"status": 401}]}')

    with pytest.raises(Unauthenticated):
        await reads.one(list_api_keys, ONE)


async def test_a_refusal_is_named_once_with_what_it_needs_and_where(connect):
    reads = Reads(connect("scopeless"), 99)
    for number in range(6):
        where = f"ws-{number}"
        assert await reads.one(list_usage_limits, UsageLimitFilter(), where=where) is None

    assert reads.not_seen == [
        "list_usage_limits: 403, needs the scope policies.list, and the enterprise plan "
        "(ws-0, ws-1, ws-2 and 3 more)"
    ]
    with pytest.raises(Forbidden):
        reads.require_any()


async def test_a_long_list_is_read_by_pages_up_to_a_limit_and_the_rest_is_counted(api):
    def many(_transport):
        async def send(_method, target, _headers, _body):
            page = int(target.partition("current_page=")[2].partition("&")[0])
            rows = [{"id": f"{page}-{number}"} for number in range(100)]
            return 200, {}, json.dumps({"total": 1_234, "data": rows}).encode()

        return send

    reads = Reads(api.with_transport(many), 99)
    rows = await reads.rows(list_api_keys, lambda page: (ApiKeyFilter.model_validate(page),))

    assert (len(rows.rows), rows.is_complete, rows.failed) == (MAX_PAGES * 100, False, False)
    assert len({row["id"] for row in rows.rows}) == MAX_PAGES * 100
    assert reads.not_seen == ["list_api_keys: 734 of 1234 rows"]


def test_the_reasons_that_are_named_are_few_and_the_others_counted(api):
    reads = Reads(api, 1)
    for number in range(MAX_REASONS + 3):
        reads.add_not_seen(f"reason {number}")

    assert len(reads.not_seen) == MAX_REASONS + 1
    assert reads.not_seen[-1] == "3 more reads for other reasons"
