"""Logs, as a model sees them."""

import json

import pytest


@pytest.fixture
def sent(emulator):
    """What was kept of the last inserted log."""

    def stored():
        row = emulator.store.database.execute(
            "select id, request, response, metadata from requests order by rowid desc limit 1"
        ).fetchone()
        return row[0], *map(json.loads, row[1:])

    return stored


async def test_a_log_is_added_and_read_under_both_names(ask, sent):
    await ask(
        "insert_log",
        request_url="https://api.openai.com/v1/chat/completions",
        request_provider="openai",
        request_headers={"x-a": "b"},
        request_body={"model": "gpt-5"},
        response_body={"usage": {"prompt_tokens": 1}},
        response_time=12,
        streaming_mode=True,
        metadata_user="zoe@acme.example",
        metadata_organization="acme",
        metadata_trace_id="t-9",
        metadata_span_id="s-9",
        metadata_span_name="first",
        metadata_parent_span_id="s-8",
        metadata_custom={"team": "a"},
    )

    log_id, request, response, metadata = sent()
    assert (request["provider"], request["method"]) == ("openai", "post")
    assert (response["status"], response["response_time"]) == (200, 12)
    assert metadata == {
        "_user": "zoe@acme.example",
        "organization": "acme",
        "traceId": "t-9",
        "trace_id": "t-9",
        "spanId": "s-9",
        "span_id": "s-9",
        "spanName": "first",
        "span_name": "first",
        "parentSpanId": "s-8",
        "team": "a",
    }
    log = await ask("get_log", log_id=log_id)
    assert log["request"]["body"] == {"model": "gpt-5"}
    assert await ask("get_trace", id=log_id) == log


async def test_what_portkey_requires_is_sent_though_it_is_empty(ask, sent):
    await ask("insert_log", request_provider="openai")

    _id, request, response, metadata = sent()
    assert (request["url"], request["body"], response["body"], metadata) == ("", {}, {}, {})


async def test_the_second_form_of_the_path_needs_the_time(refusal, emulator):
    emulator.log.clear()

    assert "needs created_at" in await refusal("get_log", log_id="x", path_format="v2")
    assert not emulator.log


@pytest.mark.parametrize("tool", ["get_log", "get_trace"])
async def test_a_gateway_that_has_no_logs_is_not_at_fault(refusal, tool):
    advice = await refusal(tool, **{"log_id" if tool == "get_log" else "id": "none"})

    assert "not available on this deployment" in advice
