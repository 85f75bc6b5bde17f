"""Answers that come in one of several forms, as Portkey has been seen to send them."""

import json

import pytest

from portkey_admin_mcp.models.audit_logs import AuditPage
from portkey_admin_mcp.models.configs import Config, ConfigPage, ConfigRef
from portkey_admin_mcp.models.core.base import Done, Record
from portkey_admin_mcp.models.core.mcp_capabilities import CapabilityPage
from portkey_admin_mcp.models.prompt_runs import Completion
from portkey_admin_mcp.models.virtual_keys import VirtualKeyRef

CONFIG = {"retry": {"attempts": 3}}
FLAT = {"id": "c-1", "slug": "pc-a"}
MESSAGE = {"role": "assistant", "content": "Hello"}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}


@pytest.mark.parametrize("record", [Config, ConfigRef, VirtualKeyRef])
def test_an_object_is_read_with_or_without_its_envelope(record):
    for raw in (FLAT, {"success": True, "data": FLAT}):
        assert record.read(raw).slug == "pc-a"
        assert record.read(raw).answer() == FLAT


@pytest.mark.parametrize("record", [Config, ConfigRef, VirtualKeyRef])
@pytest.mark.parametrize("data", [[FLAT], None, "done"])
def test_what_is_no_envelope_of_one_object_is_kept(record, data):
    assert record.read({"success": True, "data": data}).answer() == {"success": True, "data": data}


@pytest.mark.parametrize("config", [CONFIG, json.dumps(CONFIG)])
def test_a_config_is_read_as_an_object_or_as_text(config):
    row = {**FLAT, "config": config}

    assert Config.read(row).config == CONFIG
    assert Config.read({"data": row}).answer() == {**FLAT, "config": CONFIG}
    assert (
        ConfigPage.read({"data": [row, row]}).answer()["data"] == [{**FLAT, "config": CONFIG}] * 2
    )
    assert ConfigPage.read([row]).answer()["total"] == 1


@pytest.mark.parametrize("config", ["no json", "[" * 100_000, "", None])
def test_a_config_that_cannot_be_decoded_is_kept(config):
    assert Config.read({"slug": "pc-a", "config": config}).answer()["config"] == config


@pytest.mark.parametrize(
    ("page", "own", "other"),
    [(AuditPage, "records", "data"), (CapabilityPage, "data", "capabilities")],
)
def test_rows_are_found_under_either_name(page, own, other):
    rows = [{"name": "a"}]

    for raw in ({own: rows, "total": 1}, {other: rows, "total": 1}):
        assert page.read(raw).answer()[own] == rows
        assert page.read(raw).answer()["total"] == 1
        assert [row.answer()["name"] for row in getattr(page.read(raw), own)] == ["a"]
    assert page.read(rows).answer() == {"total": 1, own: rows}


@pytest.mark.parametrize(
    ("page", "own", "other"),
    [(AuditPage, "records", "data"), (CapabilityPage, "data", "capabilities")],
)
def test_rows_are_answered_once_whichever_name_portkey_gives_them(page, own, other):
    rows = [{"name": "a"}]

    for raw in ({own: rows}, {other: rows}, {own: rows, other: rows}):
        assert page.read({**raw, "total": 1}).answer() == {"total": 1, own: rows}


@pytest.mark.parametrize(
    ("page", "own", "other"),
    [(AuditPage, "records", "data"), (CapabilityPage, "data", "capabilities")],
)
def test_rows_under_their_own_name_win_over_the_other(page, own, other):
    assert page.read({own: [{"name": "a"}], other: [{"name": "b"}]}).answer()[own] == [
        {"name": "a"}
    ]


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"status": "ok", "body": body}])
def test_a_completion_with_one_choice_is_reduced_to_its_content(wrap):
    body = {"id": "x", "model": "gpt-5", "choices": [CHOICE], "usage": {"total_tokens": 3}}

    assert Completion.read(wrap(body)).answer() == {
        "id": "x",
        "model": "gpt-5",
        "content": "Hello",
        "finish_reason": "stop",
        "usage": {"total_tokens": 3},
    }


@pytest.mark.parametrize("message", [None, {}])
def test_the_older_form_of_a_completion_has_its_text_in_the_choice(message):
    raw = {"choices": [{"text": "Hello", "message": message}]}

    assert Completion.read(raw).answer() == {"content": "Hello"}


@pytest.mark.parametrize(
    "choices", [[CHOICE, CHOICE], [], None, ["Hello"], {"0": CHOICE}, [{"message": "Hello"}]]
)
@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"body": body}])
def test_a_completion_with_any_other_choices_is_kept(choices, wrap):
    raw = wrap({"id": "x", "choices": choices})

    assert Completion.read(raw).answer() == raw


@pytest.mark.parametrize("raw", [[], [1], "text", None, 5])
def test_an_answer_that_is_no_object_is_kept_as_data(raw):
    assert Record.read(raw).answer() == {"data": raw}
    assert Completion.read(raw).answer() == {"data": raw}


def test_an_empty_answer_to_a_write_is_a_success_unless_portkey_says_otherwise():
    assert Done.read({}).answer() == {"success": True}
    assert Done.read({"success": False}).answer() == {"success": False}
    assert Done.read({"id": "a"}).answer() == {"success": True, "id": "a"}
