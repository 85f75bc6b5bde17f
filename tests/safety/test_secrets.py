"""A secret that Portkey shows once goes to its sink, and nowhere else."""

import json
import stat
from typing import get_type_hints

import pytest
from mcp import Client
from pydantic import SecretStr

from asgi_client import Clock
from mcp_texts import texts
from portkey_admin_mcp.door_assembly import secret_pages, secret_sink
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.models.api_keys import ApiKeySecret
from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.models.deployments import Deployment
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.safety.secret_sink import MaskSink, NewSecret, ResultSink, deliver
from portkey_admin_mcp.safety.secret_sink_file import FileSink
from portkey_admin_mcp.safety.secret_sink_page import (
    KEEP_S,
    MAX_KEPT,
    MAX_KEPT_BY_PRINCIPAL,
    MemorySecretPages,
    PageSink,
)
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.tools.deployments import update_deployment
from servers import offer

KEY = {"name": "New", "type": "organisation", "sub_type": "service", "scopes": ["logs.view"]}
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": "a-token-of-the-tests"}
PAGE = "https://mcp.example/secret"


class Seen:
    """The emulator as a transport that keeps the secrets in its answers."""

    def __init__(self, api):
        self.secrets = []
        self.changes = 0
        self._send = api._transport
        self.api = api
        api._transport = self

    async def __call__(self, method, *rest):
        self.changes += method != "GET"
        status, headers, body = await self._send(method, *rest)
        answer = json.loads(body) if body.startswith(b"{") else {}
        credentials = answer.get("credentials") or {}
        for value in (answer.get("key"), answer.get("signed_url"), credentials.get("client_auth")):
            if value and "*" not in value:
                self.secrets.append(value)
        return status, headers, body


@pytest.fixture
def seen(connect):
    return Seen(connect("owner"))


@pytest.fixture
def sinks(tmp_path):
    pages = MemorySecretPages()
    return {
        "result": ResultSink(),
        "mask": MaskSink(),
        "file": FileSink(tmp_path / "secrets"),
        "page": PageSink(pages, PAGE),
    }


@pytest.fixture
def calls(seen, sinks):
    """Calls with a sink: `calls("file")`."""

    def with_sink(name, mode="full"):
        return ToolCalls(offer(mode), lambda: seen.api, sink=sinks[name])

    return with_sink


async def create_key(call):
    return [await call("create_api_key", KEY)]


async def rotate_key(call):
    listed = await call("list_api_keys", {})
    id = next(r["id"] for r in listed.structured["data"] if r["name"] == "Nightly batch")
    return [await call("rotate_api_key", {"id": id})]


async def rotate_deployment(call):
    new = await call("register_deployment", {"name": "Asia"})
    id = new.structured["id"]
    return [new, await call("update_deployment", {"id": id, "rotate_auth": True})]


WAYS = {"create": create_key, "rotate": rotate_key, "deployments": rotate_deployment}


def everything(outcome):
    return json.dumps([outcome.texts, outcome.structured], ensure_ascii=False)


def secret_tools():
    return [tool for tool in all_tools() if tool.returns_secret]


def test_each_tool_that_returns_a_secret_says_in_which_field():
    assert len(secret_tools()) == 5
    for tool in secret_tools():
        returns = get_type_hints(tool.function)["return"]
        assert issubclass(returns, Record)
        assert returns.secret_fields, tool.name
        assert {*returns.secret_fields} <= {*returns.model_fields, "credentials"}


def test_no_other_tool_answers_with_a_record_that_is_only_a_secret():
    """`get_deployment` answers with the same record, in which Portkey masks the credentials."""
    others = {
        tool.name
        for tool in all_tools()
        if get_type_hints(tool.function)["return"].secret_fields and not tool.returns_secret
    }

    assert others == {"get_deployment"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sink", ["result", "mask", "file", "page"])
async def test_a_new_secret_is_in_its_sink_and_in_no_other_place(calls, seen, tmp_path, way, sink):
    outcomes = await WAYS[way](calls(sink))

    assert len(seen.secrets) == len(outcomes)
    for outcome, secret in zip(outcomes, seen.secrets, strict=True):
        assert not outcome.is_error, outcome.texts
        assert (secret in everything(outcome)) == (sink == "result")
        (note,) = [note for note in outcome.structured["notes"] if note.startswith("`")]
        said = {
            "result": "store it now",
            "mask": "can be rotated",
            "file": "in a file",
            "page": "within 10 minutes, and only to local",
        }
        assert said[sink] in note
    files = [file.read_text() for file in tmp_path.rglob("*.json")]
    assert [json.loads(text) for text in files] or sink != "file"
    assert all(any(s in text for text in files) == (sink == "file") for s in seen.secrets)


async def test_a_file_with_a_secret_is_for_this_user_only(calls, seen, tmp_path):
    outcome = await calls("file")("create_api_key", KEY)

    (file,) = (tmp_path / "secrets").iterdir()
    assert outcome.structured["secret_file"] == str(file)
    assert outcome.structured["key"] == "***"
    assert json.loads(file.read_text()) == {"key": seen.secrets[0]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_nothing_is_created_if_its_secret_could_not_be_written(connect, tmp_path):
    (tmp_path / "file").write_text("in the way")
    seen = Seen(connect("owner"))
    calls = ToolCalls(offer(), lambda: seen.api, sink=FileSink(tmp_path / "file" / "secrets"))
    refused = await calls("create_api_key", KEY)

    assert refused.is_error
    assert "Set PORTKEY_SECRET_DIR" in refused.texts[0]
    assert seen.changes == 0


async def test_a_secret_that_cannot_be_written_is_said_to_be_lost_and_not_shown(tmp_path):
    sink = FileSink(tmp_path / "secrets")
    sink.prepare()
    (tmp_path / "secrets").rmdir()
    delivery = await sink.deliver(NewSecret("create_api_key", {"key": "pk-secret-1"}))

    assert "is lost" in delivery.note
    assert not delivery.is_in_answer
    assert "pk-secret-1" not in str(delivery)


@pytest.mark.parametrize("sink", ["mask", "file", "page"])
async def test_code_gets_no_secret_that_a_direct_call_would_not_get(calls, seen, sink):
    code = f"""
answer = await call_tool("create_api_key", {KEY!r})
print(answer)
return answer
"""
    async with Client(AdminServer(calls(sink, "code"))) as client:
        result = await client.call_tool("execute", {"code": code})

    assert not result.is_error, texts(result)
    assert len(seen.secrets) == 1
    assert seen.secrets[0] not in "\n".join(texts(result))
    assert "***" in texts(result)[0]


@pytest.mark.parametrize("sink", ["mask", "page"])
async def test_search_mode_gets_no_secret_either(calls, seen, sink):
    arguments = {"name": "create_api_key", "arguments": KEY}
    outcome = await calls(sink, "search")("call_tool", arguments)

    assert len(seen.secrets) == 1
    assert seen.secrets[0] not in everything(outcome)


async def finished_export(call, emulator, workspace):
    day = {"time_min": "2026-10-28T00:00:00Z", "time_max": "2026-10-29T00:00:00Z"}
    arguments = {"workspace_id": workspace("Support"), **day, "requested_fields": ["id"]}
    export = {"export_id": (await call("create_log_export", arguments)).structured["id"]}
    await call("start_log_export", export)
    emulator.answer("POST", "/emulator/clock", {}, b'{"advance_s": 6}')
    return export


@pytest.mark.parametrize("sink", ["result", "mask", "file", "page"])
async def test_a_signed_link_is_a_secret_too(calls, seen, emulator, workspace, sink):
    export = await finished_export(calls(sink), emulator, workspace)
    outcome = await calls(sink)("download_log_export", export)

    (link,) = seen.secrets
    assert (link in everything(outcome)) == (sink == "result")


LINK = "https://files.example/export.jsonl?X-Amz-Signature=abcdef0123456789"


async def link_without_file(_method, target, *_rest):
    """A Portkey that gives a link to an export, which cannot be downloaded."""
    is_link = target.partition("?")[0].endswith("/download")
    status, answer = (200, {"signed_url": LINK}) if is_link else (403, {"message": f"no {LINK}"})
    return status, {"content-type": "application/json"}, json.dumps(answer).encode()


@pytest.mark.parametrize("sink", ["result", "mask", "file", "page"])
async def test_a_failure_names_no_signed_link_that_the_answer_would_not_show(sinks, sink):
    api = Portkey(Settings(PORTKEY_API_KEY=SecretStr("a-key-of-the-tests")), link_without_file)
    calls = ToolCalls(offer(), lambda: api, sink=sinks[sink])
    outcome = await calls("download_log_export", {"export_id": "e-1", "first_rows": 1})

    assert outcome.is_error
    assert "The export is ready" in outcome.texts[0]
    assert ("0123456789" in outcome.texts[0]) == (sink == "result")


@pytest.mark.parametrize(
    "credentials", [None, "", {}, [], {"client_auth": ""}, {"client_auth": "ab*****xyz"}]
)
async def test_a_masked_or_empty_field_is_no_secret(credentials):

    record = Deployment.read({"id": "1", "credentials": credentials})

    assert await deliver(MaskSink(), tool_of(update_deployment), record) is record


async def test_a_secret_inside_an_envelope_is_found():

    record = ApiKeySecret.read({"success": True, "data": {"id": "1", "key": "pk-secret-1"}})
    answer = (await deliver(MaskSink(), tool_of(create_api_key), record)).answer()

    assert answer["data"] == {"id": "1", "key": "***"}


def as_principal(name):
    current_caller.set(Caller(name))


async def test_a_page_shows_a_secret_once_to_its_principal_only():
    pages = MemorySecretPages()
    as_principal("bearer:ada")
    delivery = await PageSink(pages, PAGE).deliver(NewSecret("create_api_key", {"key": "pk-1"}))
    url, _, id = delivery.fields["secret_page"].partition("#")

    assert url == PAGE
    assert len(id) == 22  # 128 bits in base64
    assert "pk-1" not in str(delivery)
    assert await pages.take(id, "bearer:ben") is None
    assert await pages.take(id, "local") is None
    assert await pages.take(id[:-1], "bearer:ada") is None
    content = await pages.take(id, "bearer:ada")
    assert json.loads(content) == {"tool": "create_api_key", "secrets": {"key": "pk-1"}}
    assert await pages.take(id, "bearer:ada") is None


async def test_a_page_shows_nothing_after_ten_minutes():
    clock = Clock()
    pages = MemorySecretPages(clock)
    await pages.keep("early", "ada", b"1")
    await pages.keep("late", "ada", b"2")
    clock.now = KEEP_S - 1
    assert await pages.take("early", "ada") == b"1"
    clock.now = KEEP_S

    assert await pages.take("late", "ada") is None
    assert pages._kept == {}


async def test_no_secret_stays_in_memory_after_its_time_or_the_end_of_the_service():
    clock = Clock()
    pages = MemorySecretPages(clock)
    await pages.keep("early", "ada", b"1")
    clock.now = KEEP_S
    await pages.keep("late", "ada", b"2")
    assert [kept.content for kept in pages._kept.values()] == [b"2"]

    await pages.close()
    assert await pages.take("late", "ada") is None


async def test_the_secrets_in_memory_are_bounded_for_each_principal_and_in_total():
    pages = MemorySecretPages()
    await pages.keep("first", "ada", b"1")
    for number in range(MAX_KEPT_BY_PRINCIPAL + 1):
        await pages.keep(f"id-{number}", "ben", b"2")
    assert await pages.take("id-0", "ben") is None
    assert await pages.take("id-1", "ben") == b"2"
    for number in range(MAX_KEPT):
        await pages.keep("id", f"principal-{number}", b"3")

    assert len(pages._kept) == MAX_KEPT
    assert await pages.take("first", "ada") is None


def sink_of(safety, **hosting):
    settings = Settings(PORTKEY_API_KEY=SecretStr("a-key-of-the-tests"))
    service = Hosting(**hosting)
    pages = secret_pages(settings, safety, service)
    return type(secret_sink(safety, pages, service.base_url)).__name__


@pytest.mark.parametrize(
    ("hosting", "sink"),
    [
        (BEARER, "PageSink"),
        ({}, "ResultSink"),
        ({**BEARER, "MCP_SESSION_MODE": "stateless"}, "ResultSink"),
        (
            {
                **BEARER,
                "MCP_SESSION_MODE": "stateless",
                "RATE_LIMIT_STORE": "redis",
                "REDIS_URL": "redis://127.0.0.1:1/0",
            },
            "PageSink",
        ),
    ],
)
def test_over_http_a_page_is_the_default_where_it_can_be_shown(hosting, sink):
    assert sink_of(SafetySettings(), **hosting) == sink


@pytest.mark.parametrize(
    ("setting", "sink"),
    [("result", "ResultSink"), ("file", "FileSink"), ("mask", "MaskSink"), ("page", "PageSink")],
)
def test_the_setting_chooses_the_sink(setting, sink):
    assert sink_of(SafetySettings(PORTKEY_SECRET_SINK=setting), **BEARER) == sink


def test_on_stdio_a_secret_is_in_the_result_by_default():
    assert isinstance(secret_sink(SafetySettings()), ResultSink)


def test_a_page_without_authentication_is_refused_with_the_cure():
    with pytest.raises(ConfigurationError, match="set it to result, file or mask"):
        secret_sink(SafetySettings(PORTKEY_SECRET_SINK="page"))
    with pytest.raises(ConfigurationError, match="MCP_AUTH_MODE"):
        sink_of(SafetySettings(PORTKEY_SECRET_SINK="page"))
