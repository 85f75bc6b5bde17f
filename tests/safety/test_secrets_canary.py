"""A canary in every secret field and credential is nowhere but in its sink.

The service's own log is tested in `tests/server/http`, and its pages in `test_secrets_page.py`.
"""

import json
import logging

import pytest
from mcp import Client
from pydantic import SecretStr

from mcp_texts import texts
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.clients import CallerKey, using_key
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.secret_sink_file import FileSink
from portkey_admin_mcp.server.calls.outcome import Outcome
from portkey_admin_mcp.server.calls.secrets import HeldSecrets, secrets_in
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls, ToolFailed
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from servers import offer

CANARY = "Canary"
"""A part of every secret that these tests write. Masking shows the first two and last three
characters of a secret at most."""


def secret(name):
    return f"sk-1-{CANARY}-{name}-0001"


def changes(support):
    """Calls that write a secret into each field that can hold one."""
    return [
        ("create_virtual_key", {"name": "V", "provider": "openai", "key": secret("virtual")}),
        (
            "create_integration",
            {
                "name": "I",
                "slug": "canary-i",
                "ai_provider_id": "openai",
                "key": secret("integration"),
                "configurations": {"custom_headers": {"x-any": secret("header")}},
            },
        ),
        (
            "create_integration",
            {
                "name": "B",
                "ai_provider_id": "bedrock",
                "configurations": {
                    "aws_auth_type": "accessKey",
                    "aws_access_key_id": "AKIA",
                    "aws_region": "eu-west-1",
                    "aws_secret_access_key": secret("aws"),
                },
            },
        ),
        ("update_integration", {"slug": "canary-i", "key": secret("integration-new")}),
        (
            "create_mcp_integration",
            {
                "name": "M",
                "url": "https://mcp.example/mcp",
                "auth_type": "headers",
                "transport": "http",
                "custom_headers": {"x-any": secret("mcp"), "Authorization": secret("mcp-2")},
                "configurations": {"client_secret": secret("client")},
                "workspace_id": support,
            },
        ),
        (
            "create_secret_reference",
            {
                "name": "S",
                "slug": "canary-s",
                "manager_type": "hashicorp_vault",
                "auth_config": {
                    "vault_auth_type": "token",
                    "vault_addr": "https://vault.example",
                    "vault_token": secret("vault"),
                },
                "secret_path": "a/b",
                "allow_all_workspaces": True,
            },
        ),
        (
            "update_secret_reference",
            {"id": "canary-s", "auth_config": {"vault_token": secret("v2")}},
        ),
        (
            "create_api_key",
            {"name": "K", "type": "organisation", "sub_type": "service", "scopes": ["logs.view"]},
        ),
        ("register_deployment", {"name": "D"}),
    ]


def read_calls(support):
    """Each tool that lists something, in every form, and one object of each kind."""
    tools = offer().tools
    lists = [name for name, tool in tools.items() if name.startswith("list_")]
    for name in lists:
        properties = tools[name].input_schema["properties"]
        required = tools[name].input_schema.get("required", [])
        place = {"workspace_id": support} if "workspace_id" in properties else {}
        everything = {**place, **({"fields": "*"} if "fields" in properties else {})}
        table = {**everything, **({"format": "csv"} if "format" in properties else {})}
        if {*required} <= {*place}:
            yield from [(name, place), (name, everything), (name, table)]
    yield "get_integration", {"slug": "canary-i"}
    yield "get_secret_reference", {"id": "canary-s"}


@pytest.fixture
def door(tmp_path, store):
    journal = SqliteJournal(tmp_path / "journal.db")
    return Door(SafetySettings(PORTKEY_CONFIRM="never"), lambda: store, lambda: journal)


async def test_no_secret_is_anywhere_but_in_its_sink(
    emulator, connect, door, workspace, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG, "portkey_admin_mcp")
    support = workspace("Support")
    api = connect("owner").with_gate(permitted_only)
    calls = ToolCalls(
        offer(),
        lambda: api,
        door=lambda: door,
        sink=FileSink(tmp_path / "secrets"),
        held_secrets=emulator.keys().values(),
    )
    results = []
    for name, arguments in changes(support):
        preview = await calls("preview_change", {"tool": name, "arguments": arguments})
        outcome = await calls(name, arguments)
        assert not outcome.is_error, (name, outcome.texts)
        results += [preview, outcome]
    reads = [*read_calls(support)]
    for name, arguments in reads:
        outcome = await calls(name, arguments)
        assert not outcome.is_error, (name, outcome.texts)
        results.append(outcome)
    files = [json.loads(file.read_text()) for file in (tmp_path / "secrets").iterdir()]
    new = [each.get("key") or each["credentials"]["client_auth"] for each in files]
    secrets = [CANARY, *emulator.keys().values(), *new]
    places = {
        "results": json.dumps([[o.texts, o.structured] for o in results]),
        "log": caplog.text,
        "journal": "".join(
            file.read_bytes().decode("latin-1") for file in tmp_path.glob("journal.db*")
        ),
    }

    assert len(reads) > 60
    assert len(new) == 2
    for place, text in places.items():
        assert len(text) > 1_000, place
        assert not [each for each in secrets if each in text], place
    # The emulator holds what was written, so the canary could have been answered.
    stored = json.dumps([[*map(dict, emulator.store.table(name).rows())] for name in SECRET_TABLES])
    assert stored.count(CANARY) >= 6


SECRET_TABLES = ("virtual_keys", "integrations", "mcp_integrations", "secret_references")


KEY = "pk-canary-0123456789abcdef"
AWKWARD = 'pk-"Canary"\\1/%2B\'{0}=='


class Echo:
    """A Portkey that repeats a text in every answer."""

    def __init__(self, text, status=200):
        answer = {"id": "1", "name": text, text: "as a name", "config": {"api_key": f"x {text} y"}}
        body = {**answer, "total": 1, "data": [answer]}
        self.body = json.dumps(body if status == 200 else {"message": text}).encode()
        self.status = status

    async def __call__(self, *_request):
        return self.status, {"content-type": "application/json"}, self.body


def calls_that_echo(text, *, status=200, mode="full"):
    api = Portkey(Settings(PORTKEY_API_KEY=SecretStr("another-key")), Echo(text, status))
    return ToolCalls(offer(mode), lambda: api, held_secrets=[text, "short"])


async def test_the_own_key_of_a_caller_is_hidden_as_well():
    api = Portkey(Settings(PORTKEY_API_KEY=SecretStr("another-key")), Echo(KEY))
    calls = ToolCalls(offer("full"), lambda: api)
    with using_key(CallerKey(SecretStr(KEY), "fingerprint")):
        outcome = await calls("list_workspaces", {"fields": "*"})
        answer = await calls.answer("get_workspace", {"workspace_id": "w"})
    shown_to_others = await calls("list_workspaces", {"fields": "*"})

    assert KEY not in json.dumps([outcome.texts, outcome.structured, answer])
    assert "***" in outcome.texts[0]
    assert KEY in shown_to_others.texts[0]


@pytest.mark.parametrize("key", [KEY, AWKWARD])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_config", {"slug": "x"}),
        ("list_workspaces", {}),
        ("list_workspaces", {"fields": "*"}),
        ("list_workspaces", {"fields": "*", "format": "csv"}),
        ("get_workspace", {"workspace_id": "w"}),
    ],
)
async def test_a_key_that_portkey_repeats_is_hidden_in_text_and_data(key, tool, arguments):
    outcome = await calls_that_echo(key)(tool, arguments)
    shown = json.dumps([outcome.texts, outcome.structured])

    assert not outcome.is_error
    assert "***" in outcome.texts[0]
    for form in (
        key,
        json.dumps(key)[1:-1],
        json.dumps(json.dumps(key))[2:-2],
        key.replace('"', '""'),
    ):
        assert form not in shown
        assert form not in outcome.texts[0]
    if "format" not in arguments:
        data = json.loads(outcome.texts[0])
        assert data.items() >= outcome.structured.items()


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_key_in_an_error_is_hidden(status):
    outcome = await calls_that_echo(KEY, status=status)("get_workspace", {"workspace_id": "w"})

    assert outcome.is_error
    assert KEY not in outcome.texts[0]


async def test_a_key_in_a_resource_or_a_completion_is_hidden():
    calls = calls_that_echo(KEY)
    assert KEY not in json.dumps(await calls.answer("get_workspace", {"workspace_id": "w"}))
    with pytest.raises(ToolFailed) as failed:
        await calls_that_echo(KEY, status=404).answer("get_workspace", {"workspace_id": "w"})

    assert KEY not in str(failed.value)


async def test_code_cannot_read_a_key_that_portkey_repeats():
    code = """
answer = await call_tool("get_workspace", {"workspace_id": "w"})
print([ord(letter) for letter in answer["name"]])
return answer
"""
    async with Client(AdminServer(calls_that_echo(KEY, mode="code"))) as client:
        result = await client.call_tool("execute", {"code": code})

    shown = "\n".join(texts(result))
    assert not result.is_error, shown
    assert KEY not in shown
    assert "[42, 42, 42]" in shown


def test_a_short_secret_is_not_hidden_because_it_may_be_a_word():
    outcome = Outcome(['{"name":"owner of it"}'], {"name": "owner of it"}, is_json=True)

    assert HeldSecrets(["owner", ""]).hidden_in(outcome) is outcome
    assert HeldSecrets([]).hidden_in(outcome) is outcome
    assert HeldSecrets(["owner of"]).hidden_in(outcome).structured == {"name": "*** it"}


def test_the_longer_of_two_secrets_is_hidden_as_one():
    hidden = HeldSecrets(["abcdefgh", "abcdefgh-ijkl"]).hidden("abcdefgh-ijkl abcdefgh")

    assert hidden == "*** ***"


def test_all_secrets_of_the_settings_are_held():
    settings = Settings(PORTKEY_API_KEY=SecretStr(secret("key")))
    hosting = Hosting(
        MCP_AUTH_MODE="bearer",
        MCP_AUTH_TOKEN=secret("token"),
        MCP_AUTH_TOKENS={"ada": secret("ada")},
        REDIS_URL=f"redis://:{CANARY}%2Bredis@127.0.0.1/0",
        MCP_EVENT_ENCRYPTION_KEY=secret("event"),
    )
    held = secrets_in(settings, hosting, None)

    expected = {secret(name) for name in ("key", "token", "ada", "event")}
    assert expected | {f"{CANARY}%2Bredis", f"{CANARY}+redis"} <= {*held}


@pytest.mark.parametrize(
    ("tool", "arguments", "name"),
    [
        ("update_virtual_key", {"slug": "x", "key": "***"}, "key"),
        (
            "update_mcp_integration",
            {"id": "x", "custom_headers": {"x-any": "***"}},
            "custom_headers.x-any",
        ),
        (
            "update_integration",
            {"slug": "x", "configurations": '{"custom_headers": {"x-any": "***"}}'},
            "configurations.custom_headers.x-any",
        ),
        (
            "create_config",
            {"name": "x", "config": {"targets": [{"api_key": "***"}]}},
            "config.targets.api_key",
        ),
    ],
)
async def test_a_mask_is_never_written_over_the_secret_it_stands_for(tool, arguments, name):
    outcome = await calls_that_echo(KEY)(tool, arguments)

    assert outcome.is_error
    assert f"{name} is ***" in outcome.texts[0]
    assert "leave the field out" in outcome.texts[0]


async def test_stars_are_allowed_where_no_secret_is():
    config = {"name": "x", "config": {"override_params": {"stop": ["***"]}}}

    assert not (await calls_that_echo(KEY)("create_config", config)).is_error
