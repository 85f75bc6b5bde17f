"""The status page in a real browser, served by the real service."""

import json
from base64 import b64decode
from urllib.parse import unquote

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from asgi_server import serve_app
from browser import Tab
from portkey_admin_mcp.clients.links import app_links
from portkey_admin_mcp.clients.servers import HostedServer, token_secret
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.http.pages.routes import page_routes
from portkey_admin_mcp.server.http.pages.service_info import ServiceInfo
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

TOKEN = "a-token-of-the-tests"


def read_link(link):
    """The parts of a one-click link before the configuration, and the configuration."""
    prefix, _, content = link.rpartition("=" if link.startswith("cursor:") else "?")
    content = unquote(content)
    return prefix, json.loads(content if content.startswith("{") else b64decode(content))


BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
SCREENS = {
    "light": {"width": 1280, "scheme": "light"},
    "dark": {"width": 1280, "scheme": "dark"},
    "narrow": {"width": 360, "scheme": "light"},
    "narrow-dark": {"width": 360, "scheme": "dark"},
}
WRONG_TOKENS = {
    "another-token-altogether": "The token is not accepted",
    "two words": "A token has no spaces",
    "clé": "A token has no spaces or special letters",
    "": "Paste your token first.",
}
"""How the explanation of each begins."""
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
VISIBLE = "[...document.querySelectorAll({})].filter(e => e.checkVisibility())"

# Texts with too little contrast to the background behind them, by the formula of WCAG 2.
LOW_CONTRAST = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (...colours) => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const c = rgb[i] / 255;
    return sum + weight * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  }, 0);
  const texts = [];
  for (const element of document.querySelectorAll('body, body *')) {
    const spoken = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!spoken || !element.checkVisibility() || element.closest('script, .unseen')) continue;
    const grounds = [];
    for (let e = element; e; e = e.parentElement) {
      grounds.unshift(getComputedStyle(e).backgroundColor);
    }
    const ground = light(paint('white', ...grounds));
    const text = light(paint('white', ...grounds, getComputedStyle(element).color));
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (contrast < 4.5) texts.push(`${element.textContent.trim()}: ${contrast.toFixed(2)}`);
  }
  return texts;
})()
"""


@pytest.fixture
async def tab(chromium):
    async with Tab(chromium) as tab:
        await tab.set_viewport()
        yield tab


def serve(**variables):
    """Serve the tools over HTTP with these settings."""

    def on(port):
        emulator = Emulator("acme", frozen_time)
        key = SecretStr(emulator.keys()["owner"])
        portkey = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator))
        return hosted(lambda: portkey, Hosting(MCP_PORT=port, **variables))

    return serve_app(on)


@pytest.fixture(scope="module")
def open_page():
    """The address of a service without authentication."""
    with serve() as address:
        yield address


@pytest.fixture(scope="module")
def page():
    """The address of a service with bearer tokens."""
    with serve(**BEARER) as address:
        yield address


@pytest.fixture(scope="module")
def clerk_page():
    """The address of a service with Clerk."""
    clerk = {"CLERK_ISSUER": "https://clerk.acme.example", "CLERK_AUDIENCE": "mcp"}
    with serve(MCP_AUTH_MODE="clerk", **clerk) as address:
        yield address


async def settle(tab, state="good"):
    await tab.until("document.querySelector('#state').dataset.state", lambda value: value == state)


async def check_token(tab, token):
    await tab.run("document.querySelector('#token').value = ''")
    await tab.run("document.querySelector('#verdict').textContent = ''")
    await tab.click("#token")
    await tab.type(token)
    await tab.press("Enter")
    waiting = ("", "Waiting for the answer…")
    await tab.until(
        "document.querySelector('#verdict').textContent", lambda text: text not in waiting
    )
    return await tab.text("#verdict")


@pytest.mark.parametrize("kind", ["open_page", "page", "clerk_page"])
async def test_the_page_fits_every_screen_with_enough_contrast(tab, request, tmp_path, kind):
    await tab.open(request.getfixturevalue(kind))
    await settle(tab)

    for screen, viewport in SCREENS.items():
        await tab.set_viewport(**viewport)
        screenshot = tmp_path / f"{kind}-{screen}.png"
        await tab.screenshot(screenshot)

        assert await tab.run("document.documentElement.scrollWidth - innerWidth") <= 0, screen
        assert await tab.run(LOW_CONTRAST) == [], screen
        assert screenshot.stat().st_size > 20_000, screen
    assert tab.errors == []


async def test_the_page_shows_that_the_service_is_ready(tab, page):
    await tab.open(page)
    await settle(tab)

    assert await tab.text("#state") == "Ready"
    assert "0 of 100 open" in await tab.text("#checks")


@pytest.mark.parametrize(
    ("losses", "state", "text", "row"),
    [
        ({}, "bad", "Not ready", "RedisNot reached"),
        ({"redis": "No limits."}, "warn", "Degraded", "RedisNot reached. No limits."),
    ],
)
async def test_the_page_shows_a_failed_check(tab, losses, state, text, row):
    async def fail():
        raise OSError

    def on(port):
        info = ServiceInfo("1.2.3", False, {}, lambda: "", lambda: 0, 0, {"redis": fail}, losses)
        return Starlette(routes=page_routes(Hosting(MCP_PORT=port), info))

    with serve_app(on) as address:
        await tab.open(address)
        await settle(tab, state)

        assert await tab.text("#state") == text
        assert row in await tab.text("#checks")
        assert await tab.run(LOW_CONTRAST) == []


async def test_the_page_shows_that_the_service_cannot_be_reached(tab):
    with serve() as address:
        await tab.open(address)
        await settle(tab)

    await tab.click("#again")
    await settle(tab, "bad")

    assert await tab.text("#state") == "Not reached"


async def test_every_copy_button_copies_the_text_beside_it(tab, page):
    await tab.allow_clipboard()
    await tab.open(page)
    copied = {}

    for client in ("claude-code", "cursor", "vscode", "codex", "gemini-cli", "windsurf"):
        await tab.click(f"#tab-{client}")
        for target in await tab.run(
            f"{VISIBLE.format(json.dumps('[data-copy]'))}.map(b => b.dataset.copy)"
        ):
            button = f'[data-copy="{target}"]'
            await tab.click(button)
            await tab.until(f"document.querySelector('{button}').hasAttribute('data-done')")
            copied[target] = await tab.run("navigator.clipboard.readText()")

    shown = {target: await tab.text(f"#{target}") for target in copied}
    assert copied == shown
    assert copied["endpoint"] == f"{page}/mcp"
    assert set(copied) == {
        *("endpoint", "variable"),
        *("code-claude-code", "code-cursor", "code-vscode", "code-codex"),
        *("code-gemini-cli", "code-windsurf"),
    }


async def test_copying_works_without_the_clipboard_api(tab, page):
    await tab.send_command("Page.addScriptToEvaluateOnNewDocument", source=NO_CLIPBOARD)
    await tab.open(page)

    await tab.click('[data-copy="endpoint"]')

    await tab.until("document.querySelector('[data-copy]').textContent === 'Copied'")
    assert await tab.run("getSelection().toString()") == f"{page}/mcp"


async def test_the_keyboard_reaches_every_control_with_a_visible_focus(tab, page):
    await tab.open(page)
    await settle(tab)
    await tab.run("document.activeElement.blur()")
    count = await tab.run(
        VISIBLE.format("'a, button, input, summary, pre'") + ".filter(e => e.tabIndex >= 0).length"
    )
    focused = []

    for _ in range(count):
        await tab.press("Tab")
        focused.append(
            await tab.run(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " e.dataset.seen = 1;"
                " return [e.outerHTML.slice(0, 80), s.outlineStyle, parseFloat(s.outlineWidth)];"
                " })()"
            )
        )

    assert await tab.run("document.querySelectorAll('[data-seen]').length") == count
    assert [each for each in focused if each[1] == "none" or each[2] < 2] == []


async def test_arrow_keys_select_a_client(tab, page):
    await tab.open(page)
    await tab.run("document.querySelector('[role=tab]').focus()")
    chosen = []

    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowRight", "End", "Home"):
        await tab.press(key)
        chosen.append(await tab.text("[role=tab][aria-selected=true]"))
        panels = await tab.run(VISIBLE.format("'[role=tabpanel]'") + ".map(p => p.id)")
        assert panels == [await tab.run("document.activeElement.getAttribute('aria-controls')")]

    second, last = "Claude Desktop", "Windsurf"
    assert chosen == [second, "Claude Code", last, "Claude Code", last, "Claude Code"]


async def test_every_control_has_an_accessible_name(tab, page):
    await tab.open(page)
    await settle(tab)

    nodes = (await tab.send_command("Accessibility.getFullAXTree"))["nodes"]

    usable = {"button", "checkbox", "link", "tab", "tabpanel", "textbox", "tablist"}
    named = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in usable
    ]
    assert usable - {role for role, _ in named} == set()
    assert [role for role, name in named if not name.strip()] == []


async def test_a_valid_token_is_accepted(tab, page):
    await tab.open(page)

    good = await check_token(tab, TOKEN)
    prefixed = await check_token(tab, f"Bearer {TOKEN}")

    assert good.startswith("The token is accepted. Protocol 2026-07-28")
    assert prefixed.startswith("The token is accepted.")
    assert tab.errors == []


async def test_a_wrong_token_is_explained(tab, page):
    await tab.open(page)
    verdicts = {token: await check_token(tab, token) for token in WRONG_TOKENS}

    wrong = {
        token: verdict
        for token, verdict in verdicts.items()
        if not verdict.startswith(WRONG_TOKENS[token])
    }
    assert wrong == {}


async def test_a_service_without_authentication_is_tried_without_a_token(tab, open_page):
    await tab.open(open_page)

    await tab.click("#try button")

    await tab.until("document.querySelector('#verdict').dataset.state === 'good'")
    assert await tab.run("document.querySelector('#token')") is None


async def test_a_page_opened_under_another_address_names_the_right_one(tab):
    public = {"MCP_PUBLIC_BASE_URL": "https://mcp.acme.example", "MCP_HOST": "0.0.0.0"}
    with serve(**BEARER, **public) as address:
        await tab.open(address)

        verdict = await check_token(tab, TOKEN)

    assert verdict.endswith("Open https://mcp.acme.example/ instead.")


async def test_a_token_is_sent_in_one_header_and_stored_nowhere(tab, page):
    await tab.open(page)

    await check_token(tab, TOKEN)

    requests = [each for each in tab.requests if TOKEN in json.dumps(each)]
    assert [(each["method"], each["url"]) for each in requests] == [("POST", f"{page}/mcp")]
    assert requests[0]["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in json.dumps({**requests[0], "headers": {}})
    storage = (
        "[localStorage.length, sessionStorage.length, document.cookie,"
        " history.length > 2, JSON.stringify(history.state), window.name,"
        " (await indexedDB.databases()).length, (await caches.keys()).length]"
    )
    assert await tab.run(f"(async () => {storage})()") == [0, 0, "", False, "null", "", 0, 0]
    page_now = await tab.run("document.documentElement.outerHTML + location.href")
    assert TOKEN not in page_now


async def test_the_token_field_is_cleared_when_the_page_is_left(tab, page):
    await tab.open(page)
    await check_token(tab, TOKEN)
    # Runs after the page's own listener, since it is added later.
    await tab.run("addEventListener('pagehide', () => { sessionStorage.left = token.value })")

    await tab.open(f"{page}/health")

    assert await tab.run("sessionStorage.left") == ""


async def test_the_token_field_is_empty_after_going_back(tab, page):
    await tab.open(page)
    await check_token(tab, TOKEN)
    await tab.open(f"{page}/health")

    history = await tab.send_command("Page.getNavigationHistory")
    before = history["entries"][history["currentIndex"] - 1]
    await tab.send_command("Page.navigateToHistoryEntry", entryId=before["id"])

    await tab.until("!!document.querySelector('#token')")
    assert await tab.run("document.querySelector('#token').value") == ""
    assert await tab.run("document.querySelector('#token').type") == "password"
    assert await tab.run("document.querySelector('#token').autocomplete") == "off"


async def test_selected_domains_appear_in_every_address(tab, page):
    await tab.open(page)

    await tab.click('.domains [value="api_keys"]')
    await tab.click('.domains [value="configs"]')

    addresses = await tab.run("[...document.querySelectorAll('.address')].map(e => e.textContent)")
    assert set(addresses) == {f"{page}/mcp?tools=api_keys,configs"}
    assert len(addresses) == 7
    cursor = json.loads(await tab.text("#code-cursor"))
    assert cursor["mcpServers"]["portkey"]["url"] == addresses[0]
    assert " chosen of " in await tab.text("#chosen")
    links = await tab.run("[...document.querySelectorAll('.add')].map(e => e.href)")
    server = HostedServer(addresses[0], token_secret())
    assert [read_link(link) for link in links] == [
        read_link(link.address) for link in app_links(server).values()
    ]


async def test_the_page_is_readable_without_javascript(tab, page):
    await tab.send_command("Emulation.setScriptExecutionDisabled", value=True)

    await tab.open(page)

    panels = await tab.run(VISIBLE.format("'.panel h3'") + ".map(h => h.textContent)")
    assert panels == [
        *("Claude Code", "Claude Desktop", "Cursor", "VS Code", "Codex", "Gemini CLI", "Windsurf")
    ]
    assert await tab.run(VISIBLE.format("'button, input'") + ".length") == 0
    assert await tab.run(VISIBLE.format("'.domains li'") + ".length") > 4
    assert "/ready" in await tab.text("noscript")


async def test_nothing_is_animated_if_reduced_motion_is_preferred(tab, page):
    await tab.set_viewport(motion="reduce")

    await tab.open(page)
    await tab.run("document.querySelector('#state').dataset.state = 'wait'")

    assert await tab.run("document.getAnimations().length") == 0
