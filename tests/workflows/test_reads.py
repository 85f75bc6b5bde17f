"""The reads of a workflow: a few at a time, at most so many, and by name what they lacked."""

import asyncio
import json
import time

import pytest

from portkey_admin_mcp.errors import Forbidden, Unauthenticated
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.portkey.text_size import size
from portkey_admin_mcp.tools.api_keys import create_api_key, list_api_keys
from portkey_admin_mcp.tools.configs import list_configs
from portkey_admin_mcp.tools.integrations import list_integration_models
from portkey_admin_mcp.tools.usage_limits import list_usage_limits
from portkey_admin_mcp.workflows.shared.reads import (
    MAX_PAGES,
    MAX_PARALLEL,
    MAX_WORKSPACES,
    Reads,
    all_of,
)
from portkey_admin_mcp.workflows.shared.unread import MAX_CHARS, MAX_REASONS

REFUSED = "403 (no such scope, another kind of key, or the plan)"


def answering(api, answer_of):
    """The same API, whose answer to a page is made from its number."""

    def transport(_transport):
        async def send(_method, target, _headers, _body):
            page = target.partition("current_page=")[2].partition("&")[0]
            return 200, {}, json.dumps(answer_of(int(page or 0))).encode()

        return send

    return api.with_transport(transport)


def hundred(page):
    return [{"id": f"{page}-{number}"} for number in range(100)]


async def test_no_more_requests_are_sent_than_the_limit_and_the_answer_says_so(api, emulator):
    reads = Reads(api, 3)
    emulator.log.clear()
    lists = [await reads.rows(list_api_keys, f"ws-{number}") for number in range(5)]

    assert [each.failed for each in lists] == [False, False, False, True, True]
    assert len(emulator.log) == reads.requests == 3
    assert reads.not_seen == ["not read with 3 requests: list_api_keys of ws-3, ws-4"]
    assert reads.total(9, list_api_keys) == "at least 9"


async def test_no_request_is_sent_after_the_time_and_the_answer_says_so(api, emulator):
    reads = Reads(api)
    reads._deadline = time.monotonic() - 1
    emulator.log.clear()

    assert (await reads.rows(list_api_keys)).failed
    assert not emulator.log
    assert reads.not_seen == ["not read within 45 seconds: list_api_keys"]


async def test_a_bounded_number_of_requests_is_open_at_the_same_time(api, emulator):
    emulator.faults.latency_ms = 5
    open_now, highest = 0, 0

    def counted(transport):
        async def send(*arguments):
            nonlocal open_now, highest
            open_now += 1
            highest = max(highest, open_now)
            try:
                return await transport(*arguments)
            finally:
                open_now -= 1

        return send

    reads = Reads(api.with_transport(counted))
    await asyncio.gather(*(reads.rows(list_configs, workspace_id="x") for _ in range(40)))
    assert highest == MAX_PARALLEL


async def test_a_key_that_is_no_longer_valid_ends_the_call_although_others_succeeded(api, emulator):
    reads = Reads(api)
    await reads.rows(list_api_keys)
    emulator.answer("POST", "/emulator/faults", {}, b'{"answers": [{"status": 401}]}')

    with pytest.raises(Unauthenticated):
        await reads.rows(list_api_keys)
    assert (await reads.rows(list_api_keys)).failed


async def test_a_refusal_is_named_once_with_what_it_needs_and_where(connect):
    reads = Reads(connect("scopeless"))
    for number in range(6):
        assert (await reads.rows(list_usage_limits, f"ws-{number}")).failed

    assert reads.not_seen == [
        f"{REFUSED}: list_usage_limits [policies.list, enterprise plan] of ws-0, ws-1, ws-2, ws-3, "
        "2 more"
    ]
    assert reads.total(0, list_usage_limits) == "not read"
    with pytest.raises(Forbidden):
        reads.require_something()


async def test_a_long_list_is_read_by_pages_up_to_a_limit_and_the_rest_is_counted(api):
    api = answering(api, lambda page: {"total": 1_234, "data": hundred(page)})
    reads = Reads(api)
    rows = await reads.rows(list_api_keys)

    assert len({row["id"] for row in rows}) == MAX_PAGES * 100
    assert reads.not_seen == ["only 1000 of 1234 rows were read: list_api_keys"]
    assert (rows.why, rows.failed) == ("only 1000 of 1234 rows were read", False)


async def test_a_long_list_without_a_total_is_read_until_a_page_is_not_full(api):
    reads = Reads(answering(api, lambda page: {"data": hundred(page)[: 100 if page < 3 else 7]}))
    assert len((await reads.rows(list_api_keys)).rows) == 307
    assert (reads.not_seen, reads.requests) == ([], 4)

    endless = Reads(answering(api, lambda page: {"data": hundred(page)}))
    assert len((await endless.rows(list_api_keys)).rows) == MAX_PAGES * 100
    assert endless.not_seen == ["only 1000 rows were read: list_api_keys"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"data": hundred(0)}, ""),
        ({"total": 100, "data": hundred(0)}, ""),
        ({"total": 5, "data": []}, "only 0 of 5 rows were read"),
        ({"total": 250, "data": hundred(0)}, "only 100 of 250 rows were read"),
        ({"data": None}, "the answer holds no list of objects"),
        ({"message": "hello"}, "the answer holds no list of objects"),
        ({"data": ["a"]}, "the answer holds no list of objects"),
    ],
)
async def test_an_answer_is_a_whole_list_only_if_it_says_nothing_else(api, answer, why):
    reads = Reads(answering(api, lambda _page: answer))  # each page is the same
    rows = await reads.rows(list_api_keys)

    assert rows.why == why
    assert len(rows.rows) == sum(isinstance(row, dict) for row in answer.get("data") or ())
    assert [line.partition(":")[0] for line in reads.not_seen] == ([why] if why else [])


async def test_a_page_that_fails_leaves_the_others(api):
    def failing(page):
        return {"total": 300, "data": "no list" if page == 1 else hundred(page)}

    rows = await Reads(answering(api, failing)).rows(list_api_keys)
    assert {row["id"][0] for row in rows} == {"0", "2"}
    assert rows.why == "the answer holds no list of objects"


async def test_the_workspaces_that_are_not_looked_at_make_every_count_a_least_one(api):
    def many(page):
        return {"total": 60, "data": [{"id": f"w{n}", "slug": f"ws-{n}"} for n in range(60)]}

    reads = Reads(answering(api, many))
    assert len(await reads.read_workspaces()) == MAX_WORKSPACES
    assert reads.not_seen == ["only 50 of 60 were looked at: list_workspaces"]
    assert reads.total(4, list_configs) == "at least 4"
    assert Reads(api).total(4, list_configs) == 4


async def test_workspaces_that_cannot_be_listed_are_those_of_api_keys(api, emulator, connect):
    scopes = ["workspace_service_api_keys.list", "workspace_user_api_keys.list"]
    of_keys = {row["workspace_id"] for row in emulator.store.table("api_keys").rows()} - {None}
    for more, has_slug in ([], False), (["workspaces.read"], True):
        draft = ApiKeyDraft(
            type="organisation", sub_type="service", name="Few", scopes=[*scopes, *more]
        )
        reads = Reads(connect((await create_api_key(api, draft)).key))
        workspaces = await reads.read_workspaces()

        assert {each.id for each in workspaces} == of_keys
        assert {each.has_slug for each in workspaces} == {has_slug}
        assert "since workspaces could not be listed" in reads.looked_in
        assert reads.total(4, list_configs) == "at least 4"
        assert any("list_workspaces" in line for line in reads.not_seen)


async def test_one_workspace_is_found_without_the_list(api, connect, workspace):
    draft = ApiKeyDraft(
        type="organisation", sub_type="service", name="Few", scopes=["workspaces.read"]
    )
    reads = Reads(connect((await create_api_key(api, draft)).key))
    (found,) = await reads.read_workspaces(workspace("Support"))

    assert (found.id, found.has_slug) == (workspace("Support"), True)
    assert reads.not_seen == []
    (unknown,) = await Reads(connect("scopeless")).read_workspaces("ws-x")
    assert (unknown.id, unknown.fields) == ("ws-x", {})


async def test_all_workspaces_are_said_only_of_the_places_that_are_all_of_them(api):
    reads = Reads(api)
    slugs = [each.slug for each in await reads.read_workspaces()]
    for slug in slugs:
        reads.note(list_configs, slug, "a")
        reads.note(list_integration_models, f"not-{slug}", "b")

    assert reads.not_seen[0] == "a: list_configs of all workspaces"
    assert reads.not_seen[1].startswith(f"b: list_integration_models of not-{slugs[0]}, ")


def test_the_reasons_that_are_named_are_few_and_the_others_counted(api):
    reads = Reads(api, 1)
    for number in range(MAX_REASONS + 3):
        reads.note(list_configs, "", f"reason {number}")

    assert len(reads.not_seen) == MAX_REASONS + 1
    assert reads.not_seen[-1].startswith("3 more reasons")


def test_what_was_not_read_of_many_lists_is_short(api):
    reads = Reads(api)
    for tool in (list_configs, list_usage_limits, list_api_keys, list_integration_models):
        for number in range(9):
            for why in ("a", "b", "c"):
                reads.note(tool, f"{'ws-long-name-' * 4}{number}", why)

    assert size("".join(reads.not_seen)) <= MAX_CHARS
    assert reads.not_seen[0].startswith("a: list_configs of ws-long-name-")
    assert "-0, 8 more; list_usage_limits of " in reads.not_seen[0]


async def test_the_other_reads_are_stopped_at_the_first_error():
    stopped = asyncio.Event()

    async def waits():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def fails():
        raise LookupError

    with pytest.raises(LookupError):
        await all_of(waits(), fails())
    await asyncio.wait_for(stopped.wait(), 5)
