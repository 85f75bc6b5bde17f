"""Secrets are masked in what is shown, stored and logged, and nothing else is."""

import json

import pytest

from drawn_calls import TOOLS
from each import for_each
from portkey_admin_mcp.portkey.masking import MASK, MAX_DEPTH, is_secret, masked
from portkey_admin_mcp.safety.preview import look_at
from portkey_admin_mcp.safety.preview_text import question_of, shown
from portkey_admin_mcp.safety.risk import rating_of
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from safety.risky_calls import SECRET, Finder
from safety.write_calls import CALLS

WRITES = [name for name, tool in TOOLS.items() if tool.effect != "read"]
CANARY = "sk-canary-0123456789"

MASKED_ARGUMENTS = {
    "create_secret_reference": {"auth_config.free"},
    "update_secret_reference": {"auth_config.free"},
    "create_integration": {"key", "configurations.free", "aws_secret_access_key"},
    "update_integration": {"key", "configurations.free", "aws_secret_access_key"},
    "update_integration_models": {"models.configurations.custom_headers.free"},
    "create_virtual_key": {"key"},
    "update_virtual_key": {"key"},
    "create_mcp_integration": {"configurations.free", "custom_headers.free"},
    "update_mcp_integration": {"configurations.free", "custom_headers.free"},
    "insert_log": {"request_headers.free", "response_headers.free"},
}
"""The arguments of each tool that hold secrets, dotted; of all other tools, none do."""


def filled(schema):
    """A value of this schema with a canary in each text."""
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")
    if kind == "array":
        return [filled(schema.get("items", {}))]
    if kind == "object":
        fields = schema.get("properties")
        return {n: filled(each) for n, each in fields.items()} if fields else {"free": CANARY}
    return {"string": CANARY, "boolean": True}.get(kind, 5)


def masked_paths(value, shown_value, path=()):
    """The dotted paths of what is masked."""
    if isinstance(value, dict) and isinstance(shown_value, dict):
        for name in value:
            yield from masked_paths(value[name], shown_value[name], (*path, name))
    elif isinstance(value, list) and isinstance(shown_value, list):
        for one, other in zip(value, shown_value, strict=True):
            yield from masked_paths(one, other, path)
    elif value != shown_value:
        yield ".".join(path)


@for_each(WRITES)
def test_of_the_arguments_of_a_tool_just_the_secret_ones_are_masked(name):
    schema = accepted_schema(arguments_model(TOOLS[name]))
    arguments = {field: filled(each) for field, each in schema["properties"].items()}

    assert {*masked_paths(arguments, masked(arguments))} == MASKED_ARGUMENTS.get(name, set())


@pytest.mark.parametrize(
    "value",
    [
        {"key": CANARY},
        {"apiKey": CANARY},
        {"x-portkey-api-key": CANARY},
        {"config": {"targets": [{"api_key": CANARY, "virtual_key": "openai-1"}]}},
        {"config": json.dumps({"targets": [{"api_key": CANARY}]})},
        {"configurations": {"vertex_service_account_json": {"private_key": CANARY}}},
        {"configurations": {"custom_headers": {"host": CANARY}}},
        {"configurations": json.dumps({"aws_secret_access_key": CANARY})},
        {"auth_config": {"vault_token": CANARY, "azure_client_secret": CANARY}},
        {"credentials": {"client_auth": CANARY}},
        {"credentials": [CANARY]},
        {"headers": json.dumps({"Authorization": f"Bearer {CANARY}"})},
        {"checks": [{"parameters": {"webhookURL": f"https://u:{CANARY}@h.example/x"}}]},
        {"url": f"https://mcp.example/sse?api_key={CANARY}&a=1"},
        {"url": f"https://mcp.example/sse?a=1&token={CANARY}"},
        {"url": f"/sse?api_key={CANARY}"},
        {"checks": [{"parameters": {"credentials": {"apiKey": CANARY}}}]},
        {"env": {"HOME": CANARY}},
        {"password": CANARY, "client_secret": CANARY, "private_key": CANARY},
    ],
)
def test_a_secret_is_masked_wherever_an_object_holds_it(value):
    text = json.dumps(masked(value))

    assert CANARY not in text
    assert MASK in text


@pytest.mark.parametrize(
    "value",
    [
        {"id": "3f0e", "slug": "openai-1", "name": "Key of CI", "workspace_id": "ws-1"},
        {"scopes": ["logs.list"], "api_key_ids": ["3f0e"], "api_key_defaults_id": "43f0"},
        {"conditions": [{"key": "metadata.team", "value": "support"}]},
        {"group_by": [{"key": "api_key"}], "value_key": "metadata._user:emi@acme.example"},
        {"config": {"targets": [{"virtual_key": "openai-1", "forward_headers": ["x-user"]}]}},
        {"secret_mappings": [{"target_field": "key", "secret_key": "openai"}]},
        {"secret_path": "kv/data/openai", "secret_key": "openai"},
        {"defaults": {"user_api_key_config": "pc-1", "config_id": "pc-1"}},
        {"auth_config": {"vault_addr": "https://vault.example", "vault_role": "portkey"}},
        {"configurations": {"aws_region": "eu-central-1", "aws_role_arn": "arn:aws:iam::1"}},
        {"email": "emi@acme.example", "alert_emails": ["emi@acme.example"]},
        {"usage_limits": {"credit_limit": 5, "type": "tokens"}, "max_tokens": 400},
        {"rotation_policy": {"key_transition_period_ms": 3_600_000}},
        {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.1}}}},
        {"template_metadata": {"env": "prod"}, "deployment_configurations": [{"alias": "a"}]},
        {"string": "[not json", "url": "https://mcp.example/sse?a=1"},
        {"key": None, "password": ""},
    ],
)
def test_what_people_need_is_not(value):
    assert masked(value) == value


def test_a_text_of_json_without_a_secret_stays_as_it_is():
    value = {"config": '{"retry":  {"attempts": 2}}'}

    assert masked(value) == value


def test_what_is_nested_too_deeply_is_masked():
    value = CANARY
    for _ in range(100):
        value = {"a": value}

    assert CANARY not in json.dumps(masked(value))


@pytest.mark.parametrize(
    ("outermost", "depth"), [("plain", MAX_DEPTH), ("configurations", MAX_DEPTH + 2)]
)
def test_what_is_not_nested_too_deeply_is_shown(outermost, depth):
    """Objects inside one another, with the outermost. A free form counts from its second one."""

    def nested(depth):
        value = {"region": "eu"}
        for _ in range(depth - 2):
            value = {"a": value}
        return {outermost: value}

    assert masked(nested(depth)) == nested(depth)
    assert "eu" not in json.dumps(masked(nested(depth + 1)))


@pytest.mark.parametrize("name", ["secret_key", "virtual_key", "forward_headers", "max_tokens"])
def test_these_fields_hold_no_secret(name):
    assert not is_secret(name)


@pytest.mark.parametrize("name", [name for name in CALLS if name in MASKED_ARGUMENTS])
async def test_no_secret_of_the_arguments_is_in_a_preview_or_a_question(name, emulator, api):
    find = Finder(emulator)
    tool, model = TOOLS[name], arguments_model(TOOLS[name])
    arguments = CALLS[name](find)
    checked = read_arguments(model, accepted_schema(model), arguments)
    seen = await look_at(
        tool, api, lambda other: call_flat(tool, other, checked), rating_of(tool, checked)
    )

    assert SECRET in json.dumps(arguments) or name == "update_integration_models"
    assert SECRET in json.dumps(seen.change.body) or name == "update_integration_models"
    for text in (json.dumps(shown(seen)), *question_of(seen), str(masked(arguments))):
        assert SECRET not in text


async def test_no_secret_of_an_object_is_in_a_preview_or_a_question(api):
    hidden = {"key": CANARY, "configurations": {"x": CANARY}, "description": "shown"}
    tool, model = TOOLS["delete_integration"], arguments_model(TOOLS["delete_integration"])
    checked = read_arguments(model, accepted_schema(model), {"slug": "openai"})
    seen = await look_at(
        tool, api, lambda other: call_flat(tool, other, checked), rating_of(tool, checked)
    )
    seen = seen._replace(now=seen.now._replace(fields={**seen.now.fields, **hidden}))

    assert shown(seen)["now"]["description"] == "shown"
    assert CANARY not in json.dumps(shown(seen))
    assert CANARY not in question_of(seen).message
