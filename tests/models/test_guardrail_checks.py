"""The list of guardrail checks, beside Portkey's OpenAPI file."""

import json

from openapi import TESTS
from portkey_admin_mcp.models.guardrail_checks import checks_table, known_checks, notes_on_checks

SCHEMAS = json.loads((TESTS / "facts/openapi.json").read_text())["schemas"]


def test_every_check_of_the_openapi_file_is_in_the_list():
    ids = SCHEMAS["GuardrailCheck"]["properties"]["id"]["enum"]

    assert sorted(known_checks()) == sorted(ids)
    assert all(f"| `{id}` |" in checks_table() for id in ids)


def test_every_set_of_parameters_of_the_openapi_file_is_in_the_list():
    options = SCHEMAS["GuardrailCheck"]["properties"]["parameters"]["oneOf"]
    documented = {
        frozenset(SCHEMAS[option["$ref"].rpartition("/")[2]].get("properties", {}))
        for option in options
    }
    listed = {
        frozenset(check["parameters"])
        for check in known_checks().values()
        if check["parameters"] is not None
    }

    assert documented - listed <= {frozenset()}
    assert listed <= documented


def test_required_parameters_and_choices_are_those_of_the_openapi_file():
    pii = known_checks()["portkey.pii"]

    assert pii["required"] == ["categories"]
    choices = SCHEMAS["PortkeyPIIParameters"]["properties"]["categories"]["items"]["enum"]
    assert pii["parameters"]["categories"]["choices"] == choices


def test_a_long_id_is_cut_in_a_note():
    (note,) = notes_on_checks([("x" * 500, None)])

    assert "x" * 61 not in note
