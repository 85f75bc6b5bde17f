"""Errors as advice: what happened in the first line, what to do in the last."""

from dataclasses import replace

import pytest

from portkey_admin_mcp.errors import Forbidden, InputError, NotFound, RateLimited, Rejected
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.server.calls.failures import MAX_QUOTE_LENGTH, advice
from portkey_admin_mcp.tools.configs import get_config
from portkey_admin_mcp.tools.logs import get_log

GET_CONFIG, GET_LOG = tool_of(get_config), tool_of(get_log)


def rejected(message, code=None):
    error = Rejected(message, request="GET /configs/{slug}", status=400, code=code)
    return advice(error, GET_CONFIG).splitlines()[0]


@pytest.mark.parametrize(
    ("length", "end"), [(MAX_QUOTE_LENGTH, 'xx"'), (MAX_QUOTE_LENGTH + 1, 'xx…"')]
)
def test_a_long_message_is_cut_after_so_many_characters(length, end):
    text = rejected("x" * length)

    assert text.endswith(end)
    assert text.count("x") == MAX_QUOTE_LENGTH


def test_a_message_stands_on_one_line_without_control_characters():
    assert rejected("bad\n\tname\x1b[31m", "AB02") == (
        'Portkey answered 400 AB02 to GET /configs/{slug}: "bad name [31m"'
    )


def test_notes_stand_between_what_happened_and_what_to_do():
    error = InputError("no such thing")
    error.add_note("Done before: nothing.")

    text = advice(error, GET_CONFIG).splitlines()
    assert text[:2] == ["no such thing", "Done before: nothing."]
    assert text[-1] == "Nothing was sent. Correct the arguments and call get_config again."


def test_a_key_that_may_not_is_told_which_scope_or_kind_of_key_may():
    error = Forbidden("no", request="GET /x", status=403)
    without_scope = replace(GET_CONFIG, scopes=frozenset())

    assert "get_config needs a key with configs.read." in advice(error, GET_CONFIG)
    assert "get_config needs a key with the right kind." in advice(error, without_scope)


def test_a_request_that_was_not_answered_has_no_status():
    error = NotFound("no API key names its organisation", request="GET /api-keys")

    assert advice(error, GET_CONFIG).startswith("GET /api-keys failed: no API key")


@pytest.mark.parametrize(("seconds", "wait"), [(None, "a minute"), (0.4, "0 s"), (30.0, "30 s")])
def test_too_many_requests_come_with_the_time_to_wait(seconds, wait):
    error = RateLimited("slow down", request="GET /x", status=429, retry_after=seconds)

    assert advice(error, GET_CONFIG).endswith(f"Call get_config again in {wait}.")


def test_a_missing_object_is_blamed_on_the_id_unless_the_operation_is_unconfirmed():
    error = NotFound("no", request="GET /x", status=404)

    assert "Check the id" in advice(error, GET_CONFIG)
    assert "not available on this deployment" in advice(error, GET_LOG)
