"""The page on which a person looks through the tools, by itself and in a real browser."""

import json
import re
from types import SimpleNamespace

import pytest

from asgi_client import client_of
from asgi_server import serve_app
from browser import Tab
from portkey_admin_mcp.safety.policy import Policy, Rule
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.pages.tools_page import arguments_of, rows_of, type_in_words
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.offer.offer import ListedTool
from portkey_admin_mcp.settings.hosting import Hosting
from servers import build_calls, build_server, hosted

from .test_status_page import BEARER, LOW_CONTRAST, TOKEN

NAMES = {*load_offer().tools}
SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
SHOWN = "[...document.querySelectorAll('.tool')].filter(e => e.checkVisibility()).map(e => e.id)"
DRAWN = """[...document.querySelectorAll('.group, .tool')].map(
  e => [e.id, e.dataset.domain, e.dataset.effect, e.textContent.replace(/\\s+/g, '')])"""
OPEN_DOMAINS = "[...document.querySelectorAll('.group[open]')].map(e => e.dataset.domain)"
COUNT = "document.querySelector('#count').textContent"


def no_portkey():
    raise AssertionError("the page needs no request to Portkey")


def service(**variables):
    return hosted(no_portkey, Hosting(**variables))


async def get(path, token=None, app=None, **variables):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client_of(app or service(**variables)) as client:
        return await client.get(path, headers=headers)


async def test_without_authentication_the_page_contains_every_tool():
    page = await get("/tools")
    status = await get("/")

    assert 'href="tools"' in status.text
    assert {*re.findall(r'class="tool" id="(\w+)"', page.text)} == NAMES
    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'sha256-" in page.headers["content-security-policy"]


async def test_with_authentication_the_page_contains_none_and_a_token_is_needed():
    page = await get("/tools", **BEARER)
    refused = await get("/tools/offered", **BEARER)
    offered = await get("/tools/offered", TOKEN, **BEARER)

    assert page.status_code == 200
    assert not {name for name in NAMES if name in page.text}
    assert refused.status_code == 401
    assert {tool["name"] for tool in offered.json()["tools"]} == NAMES
    assert offered.json()["denied"] == []
    assert offered.headers["cache-control"] == "no-store"


def test_a_description_is_wrapped_by_the_page_and_keeps_its_paragraphs():
    description = "Reads it,\nand more.\n\nAlso:\n- one\n- two"
    text = json.dumps({"name": "n", "description": description, "inputSchema": {}})
    entry = {"name": "n", "domain": "d", "effect": "read", "module": "m"}

    (row,) = rows_of([ListedTool(entry, text)])

    assert row["description"] == "Reads it, and more.\n\nAlso:\n- one\n- two"
    assert row["brief"] == "Reads it, and more"


async def test_only_what_is_offered_is_shown():
    reads = [tool for tool in load_offer().tools.values() if tool.effect == "read"]
    calls = build_calls(no_portkey, offered=reads)
    app = build_http(build_server(no_portkey, offered=reads), Hosting(), calls=calls)

    page = await get("/tools", app=app)
    offered = await get("/tools/offered", app=app)

    assert "delete_user" not in page.text
    assert {tool["effect"] for tool in offered.json()["tools"]} == {"read"}


async def test_what_the_policy_denies_to_the_caller_is_marked():
    rule = Rule("deny", tools=frozenset({"*_users"}), principals=frozenset({"bearer:ci"}))
    source = SimpleNamespace(policy=Policy((rule,)))
    tokens = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": {"ci": TOKEN, "mo": f"{TOKEN}-2"}}

    def app():
        return hosted(no_portkey, Hosting(**tokens), policy=PolicyGuard(source))

    denied = (await get("/tools/offered", TOKEN, app())).json()["denied"]
    other = (await get("/tools/offered", f"{TOKEN}-2", app())).json()["denied"]

    assert "list_all_users" in denied
    assert other == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": ["integer", "string"]}, "whole number or text"),
        ({"type": "array", "items": {"type": "boolean"}}, "list of true or false"),
        ({"type": "array"}, "list"),
        ({"type": "object"}, "object"),
        ({"enum": ["a", "b", None]}, "a | b"),
        ({"enum": [*"abcdefghijklmn"]}, "a | b | c | d | e | f | g | h | i | j | k | l | …"),
        ({}, "any"),
    ],
)
def test_types_are_words(schema, words):
    assert type_in_words(schema) == words


def test_required_arguments_come_first():
    schema = {"properties": {"a": {}, "b": {"description": "It."}}, "required": ["b"]}

    assert [(each.name, each.required) for each in arguments_of(schema)] == [
        ("b", True),
        ("a", False),
    ]


@pytest.fixture
async def tab(chromium):
    async with Tab(chromium) as tab:
        await tab.set_viewport()
        yield tab


@pytest.fixture(scope="module")
def open_service():
    with serve_app(lambda port: service(MCP_PORT=port)) as address:
        yield address


@pytest.fixture(scope="module")
def closed_service():
    with serve_app(lambda port: service(MCP_PORT=port, **BEARER)) as address:
        yield address


async def find(tab, **values):
    for field, value in values.items():
        await tab.run(f"document.querySelector('#{field}').value = {json.dumps(value)}")
        await tab.run(f"document.querySelector('#{field}').dispatchEvent(new Event('input'))")
    return await tab.run(SHOWN)


async def test_the_page_fits_is_legible_and_loads_nothing_else(tab, open_service):
    await tab.open(f"{open_service}/tools#create_api_key")
    await find(tab, domain="api_keys")
    for width, scheme in SCREENS:
        # Without motion, no colour is on its way from one scheme to the other.
        await tab.set_viewport(width=width, scheme=scheme, motion="reduce")

        assert await tab.run("document.documentElement.scrollWidth") == width
        assert await tab.run(LOW_CONTRAST) == []

    assert await tab.run("document.querySelector('#create_api_key').open")
    assert tab.errors == []
    assert {request["url"] for request in tab.requests} == {f"{open_service}/tools"}


async def test_a_tool_is_found_by_its_words_domain_and_effect(tab, open_service):
    await tab.open(f"{open_service}/tools")

    await tab.click("#open-all")
    assert len(await tab.run(SHOWN)) == len(NAMES)
    assert await find(tab, query="Rotate key_transition") == ["rotate_api_key"]
    assert await tab.run(COUNT) == f"1 of {len(NAMES)} tools"
    assert "create_api_key" in await find(tab, query="default_config_id")
    assert await find(tab, query="", domain="users", effect="delete") == [
        "delete_user",
        "delete_user_invite",
    ]
    assert await tab.run("document.querySelectorAll('.group:not([hidden])').length") == 1
    assert await find(tab, query="no such words") == []
    assert await tab.run(COUNT) == "No tool has all of these words."


async def test_a_domain_is_open_while_a_person_looks_into_it(tab, open_service):
    await tab.open(f"{open_service}/tools#rotate_api_key")
    assert await tab.run(OPEN_DOMAINS) == ["api_keys"]
    assert await tab.run("document.querySelector('#rotate_api_key').open")
    assert await tab.text("#domain-users .hint") == "10"

    assert await find(tab, query="resend_user") == ["resend_user_invite"]
    assert await tab.text("#domain-users .hint") == "1 of 10"
    await find(tab, query="")
    assert await tab.run(OPEN_DOMAINS) == ["api_keys"]

    await find(tab, query="resend_user")
    await tab.run("location.hash = '#list_configs'")
    await tab.until("document.querySelector('#list_configs').open")
    assert await tab.run(OPEN_DOMAINS) == ["api_keys", "configs"]
    assert await tab.run("document.querySelector('#query').value") == ""
    await tab.click("#close-all")
    assert await tab.run(SHOWN) == []
    assert tab.errors == []
    assert len(tab.requests) == 1


async def test_it_works_with_the_keyboard(tab, open_service):
    await tab.open(f"{open_service}/tools")
    await tab.run("document.querySelector('#query').focus()")
    await tab.type("rotate transition_period")
    for _key in ("domain", "effect", "the domain of the tool", "the tool"):
        await tab.press("Tab")
    await tab.press("Enter")

    assert await tab.run("document.activeElement.parentElement.id") == "rotate_api_key"
    assert await tab.run("document.querySelector('#rotate_api_key').open")


async def test_without_javascript_every_tool_is_there(tab, open_service):
    await tab.send_command("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(f"{open_service}/tools")
    await tab.send_command("Emulation.setScriptExecutionDisabled", value=False)

    assert len(await tab.run(SHOWN)) == len(NAMES)
    assert not await tab.run("document.querySelector('#filters').checkVisibility()")


async def test_with_a_token_the_page_draws_what_it_would_have_contained(
    tab, open_service, closed_service
):
    await tab.open(f"{open_service}/tools")
    contained = await tab.run(DRAWN)
    await tab.open(f"{closed_service}/tools")
    assert await tab.run(SHOWN) == []

    verdicts = []
    for token in ("", "wrong", TOKEN):
        await tab.run(f"document.querySelector('#token').value = {json.dumps(token)}")
        await tab.click("#who button")
        verdict = "document.querySelector('#verdict').dataset.state"
        await tab.until(verdict, lambda state: state in ("good", "bad"))
        verdicts.append(await tab.text("#verdict"))

    assert verdicts == [
        "Paste your token first.",
        "This token is not valid for this service.",
        f"You are offered {len(NAMES)} tools.",
    ]
    assert sorted(await tab.run(DRAWN)) == sorted(contained)
    assert await tab.run("document.querySelector('#token').value") == ""
    assert all(request["url"].startswith(("http://127.0.0.1", "data:")) for request in tab.requests)
