"""What tools send fits Portkey's OpenAPI file at every depth; and most calls are sent.

The arguments are random values from each tool's own schema (`drawn_calls`). A test counts the
calls that are sent, because one that is refused would check nothing.
"""

from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest

from drawn_calls import TOOLS, Drawn
from each import for_each
from openapi import OPERATIONS, fields_of, operation_of, problems_of_request, shape
from portkey_admin_mcp.models.core.base import Unsent, unsent
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.mcp.definitions import all_tools

LOCAL = ("validate_completion_metadata",)
"""Tools that send no request."""
CALLS = 10
MIN_SENT_SHARE = 0.9
DOMAINS = sorted({tool.domain for name, tool in TOOLS.items() if name not in LOCAL})


def sending_tools(domain: str) -> list[str]:
    """The names of the tools of a domain, without those that send no request."""
    return [name for name, tool in TOOLS.items() if tool.domain == domain and name not in LOCAL]


@cache
def calls(name: str) -> list[list[tuple[str, str, Any]] | None]:
    drawn = Drawn(name)
    return [drawn.call() for _ in range(CALLS)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_nearly_every_call_that_fits_is_sent(domain):
    sent = {name: sum(each is not None for each in calls(name)) for name in sending_tools(domain)}

    assert {name: count for name, count in sent.items() if count < MIN_SENT_SHARE * CALLS} == {}


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_is_sent_fits_portkeys_file_at_every_depth(domain):
    problems = set()
    for name in sending_tools(domain):
        for method, target, body in (request for sent in calls(name) for request in sent or ()):
            path, _, query = target.partition("?")
            operation = operation_of(method, path.removeprefix("/v1"))
            if operation is not None:
                fields = dict(parse_qsl(query, keep_blank_values=True))
                problems |= {
                    f"{name}: {operation}: {problem}"
                    for problem in problems_of_request(operation, fields, body)
                }

    assert sorted(problems) == []


@for_each(TOOLS)
def test_a_call_with_one_thing_wrong_is_refused_and_nothing_is_sent(name):
    drawn = Drawn(name)

    for arguments in drawn.broken():
        assert drawn.sent(arguments) is None, arguments


def test_the_file_has_something_against_what_is_wrong():
    """A field that is unknown, of a wrong type, or missing is reported, at any depth."""
    good = {"name": "x", "scopes": ["a"], "usage_limits": {"credit_limit": 5}}
    operation = "POST /api-keys/{type}/{sub-type}"

    assert operation in OPERATIONS
    assert problems_of_request(operation, {}, good) == []
    for bad in (
        {**good, "colour": 1},
        {**good, "usage_limits": {"credit_limit": "much"}},
        {**good, "usage_limits": {"colour": 1}},
        {"name": "x"},
    ):
        assert problems_of_request(operation, {}, bad)
    assert problems_of_request("GET /configs", {"colour": "1"}, None)


def test_no_note_says_that_portkey_lacks_a_field_which_it_has():
    """An argument that is marked as ignored is in no request of its tool, by Portkey's file."""
    untrue = []
    for tool in all_tools():
        fields = arguments_model(tool).model_fields
        ignored = {name for name, field in fields.items() if unsent(field) is Unsent.IGNORED}
        names = {shape(endpoint): endpoint for endpoint in tool.endpoints}
        for operation in (each for each in OPERATIONS if shape(each) in names):
            untrue += [f"{tool.name}: {name}" for name in ignored & fields_of(operation)]

    assert untrue == []
