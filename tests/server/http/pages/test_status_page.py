"""The status page as people meet it: in a real browser, served by the real service."""

import json

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from asgi_server import serve_app
from browser import Chromium, Tab
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.http.pages.pages import ServiceInfo, page_routes
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from programs import require_program
from servers import hosted

TOKEN = "a-token-of-the-tests"
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
SCREENS = {
    "light": {"width": 1280, "scheme": "light"},
    "dark": {"width": 1280, "scheme": "dark"},
    "narrow": {"width": 360, "scheme": "light"},
    "narrow-dark": {"width": 360, "scheme": "dark"},
}
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
VISIBLE = "[...document.querySelectorAll({})].filter(e => e.checkVisibility())"

# Each text against the nearest ground behind it, as WCAG 2 measures contrast.
FAINT = """
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
  const found = [];
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
    if (contrast < 4.5) found.push(`${element.textContent.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium(require_program("chromium"))
    yield browser.address
    browser.close()


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
    """The address of a service that lets everybody in."""
    with serve() as address:
        yield address


@pytest.fixture(scope="module")
def page():
    """The address of a service that asks for a token."""
    with serve(**BEARER) as address:
        yield address


@pytest.fixture(scope="module")
def clerk_page():
    """The address of a service where people sign in with Clerk."""
    with serve(MCP_AUTH_MODE="clerk", CLERK_ISSUER="https://clerk.acme.example") as address:
        yield address


async def settle(tab, state="good"):
    await tab.until("document.querySelector('#state').dataset.state", lambda seen: seen == state)


async def check_token(tab, token):
    await tab.run("document.querySelector('#token').value = ''")
    await tab.click("#token")
    await tab.type(token)
    await tab.press("Enter")
    waiting = ("", "Asking…")
    await tab.until(
        "document.querySelector('#verdict').textContent", lambda told: told not in waiting
    )
    return await tab.text("#verdict")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("kind", ["open_page", "page", "clerk_page"])
async def test_it_is_at_home_on_every_screen(tab, request, tmp_path, screen, kind):
    await tab.set_viewport(**SCREENS[screen])

    await tab.open(request.getfixturevalue(kind))
    await settle(tab)

    assert tab.errors == []
    assert await tab.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert await tab.run(FAINT) == []
    screenshot = tmp_path / f"{kind}-{screen}.png"
    await tab.screenshot(screenshot)
    assert screenshot.stat().st_size > 20_000


async def test_it_shows_that_the_service_is_ready(tab, page):
    await tab.open(page)
    await settle(tab)

    assert await tab.text("#state") == "Ready"
    assert "0 of 100 open" in await tab.text("#checks")


async def test_it_shows_what_is_not_reached(tab):
    async def broken():
        raise OSError

    def on(port):
        known = ServiceInfo("1.2.3", False, {}, lambda: 0, 0, {"redis": broken})
        return Starlette(routes=page_routes(Hosting(MCP_PORT=port), known))

    with serve_app(on) as address:
        await tab.open(address)
        await settle(tab, "bad")

        assert await tab.text("#state") == "Not ready"
        assert "RedisNot reached" in await tab.text("#checks")


async def test_it_notices_that_the_service_is_gone(tab):
    with serve() as address:
        await tab.open(address)
        await settle(tab)

    await tab.click("#again")
    await settle(tab, "bad")

    assert await tab.text("#state") == "Not reached"


async def test_every_copy_button_copies_what_stands_beside_it(tab, page):
    await tab.allow_clipboard()
    await tab.open(page)
    copied = {}

    for client in ("claude-code", "cursor", "vs-code", "windsurf"):
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
        *("code-claude-code", "code-cursor", "code-vs-code", "code-windsurf"),
    }


async def test_copying_works_where_browsers_withhold_the_clipboard(tab, page):
    await tab.send_command("Page.addScriptToEvaluateOnNewDocument", source=NO_CLIPBOARD)
    await tab.open(page)

    await tab.click('[data-copy="endpoint"]')

    await tab.until("document.querySelector('[data-copy]').textContent === 'Copied'")
    assert await tab.run("getSelection().toString()") == f"{page}/mcp"


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(tab, page):
    await tab.open(page)
    await settle(tab)
    await tab.run("document.activeElement.blur()")
    wanted = await tab.run(
        VISIBLE.format("'a, button, input, summary, pre'") + ".filter(e => e.tabIndex >= 0).length"
    )
    seen = []

    for _ in range(wanted):
        await tab.press("Tab")
        seen.append(
            await tab.run(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " e.dataset.seen = 1;"
                " return [e.outerHTML.slice(0, 80), s.outlineStyle, parseFloat(s.outlineWidth)];"
                " })()"
            )
        )

    assert await tab.run("document.querySelectorAll('[data-seen]').length") == wanted
    assert [each for each in seen if each[1] == "none" or each[2] < 2] == []


async def test_arrows_move_among_the_clients(tab, page):
    await tab.open(page)
    await tab.run("document.querySelector('[role=tab]').focus()")
    chosen = []

    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowRight", "End", "Home"):
        await tab.press(key)
        chosen.append(await tab.text("[role=tab][aria-selected=true]"))
        panels = await tab.run(VISIBLE.format("'[role=tabpanel]'") + ".map(p => p.id)")
        assert panels == [await tab.run("document.activeElement.getAttribute('aria-controls')")]

    assert chosen == ["Cursor", "Claude Code", "Windsurf", "Claude Code", "Windsurf", "Claude Code"]


async def test_whatever_can_be_used_has_a_name(tab, page):
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


async def test_a_token_can_be_tried(tab, page):
    await tab.open(page)

    good = await check_token(tab, TOKEN)
    prefixed = await check_token(tab, f"Bearer {TOKEN}")

    assert good.startswith("The token is accepted. Protocol 2026-07-28")
    assert prefixed.startswith("The token is accepted.")
    assert tab.errors == []


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("another-token-altogether", "The token is not accepted"),
        ("two words", "A token has no spaces"),
        ("clé", "A token has no spaces or special letters"),
        ("", "Paste a token first."),
    ],
    ids=["unknown", "spaces", "letters", "nothing"],
)
async def test_a_wrong_token_is_told_as_such(tab, page, token, told):
    await tab.open(page)

    assert (await check_token(tab, token)).startswith(told)


async def test_a_service_for_everybody_can_be_tried_without_a_token(tab, open_page):
    await tab.open(open_page)

    await tab.click("#try button")

    await tab.until("document.querySelector('#verdict').dataset.state === 'good'")
    assert await tab.run("document.querySelector('#token')") is None


async def test_a_page_opened_elsewhere_says_where_it_belongs(tab):
    public = {"MCP_PUBLIC_BASE_URL": "https://mcp.acme.example", "MCP_HOST": "0.0.0.0"}
    with serve(**BEARER, **public) as address:
        await tab.open(address)

        told = await check_token(tab, TOKEN)

    assert told.endswith("Open https://mcp.acme.example/ instead.")


async def test_a_token_goes_nowhere_but_into_one_header(tab, page):
    await tab.open(page)

    await check_token(tab, TOKEN)

    told = [each for each in tab.requests if TOKEN in json.dumps(each)]
    assert [(each["method"], each["url"]) for each in told] == [("POST", f"{page}/mcp")]
    assert told[0]["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in json.dumps({**told[0], "headers": {}})
    kept = (
        "[localStorage.length, sessionStorage.length, document.cookie,"
        " history.length > 2, JSON.stringify(history.state), window.name,"
        " (await indexedDB.databases()).length, (await caches.keys()).length]"
    )
    assert await tab.run(f"(async () => {kept})()") == [0, 0, "", False, "null", "", 0, 0]
    page_now = await tab.run("document.documentElement.outerHTML + location.href")
    assert TOKEN not in page_now


async def test_a_token_is_forgotten_when_the_page_is_left(tab, page):
    await tab.open(page)
    await check_token(tab, TOKEN)
    # Runs after the page's own listener, since it is added later.
    await tab.run("addEventListener('pagehide', () => { sessionStorage.left = token.value })")

    await tab.open(f"{page}/health")

    assert await tab.run("sessionStorage.left") == ""


async def test_a_token_is_not_there_when_the_page_is_gone_back_to(tab, page):
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


async def test_ticked_domains_narrow_every_address(tab, page):
    await tab.open(page)

    await tab.click('.domains [value="api_keys"]')
    await tab.click('.domains [value="configs"]')

    addresses = await tab.run("[...document.querySelectorAll('.address')].map(e => e.textContent)")
    assert set(addresses) == {f"{page}/mcp?tools=api_keys,configs"}
    assert len(addresses) == 5
    cursor = json.loads(await tab.text("#code-cursor"))
    assert cursor["mcpServers"]["portkey"]["url"] == addresses[0]
    assert " chosen of " in await tab.text("#chosen")


async def test_somebody_without_scripts_can_read_everything(tab, page):
    await tab.send_command("Emulation.setScriptExecutionDisabled", value=True)

    await tab.open(page)

    panels = await tab.run(VISIBLE.format("'.panel h3'") + ".map(h => h.textContent)")
    assert panels == ["Claude Code", "Cursor", "VS Code", "Windsurf"]
    assert await tab.run(VISIBLE.format("'button, input'") + ".length") == 0
    assert await tab.run(VISIBLE.format("'.domains li'") + ".length") > 4
    assert "/ready" in await tab.text("noscript")


async def test_nothing_moves_for_those_who_ask_for_that(tab, page):
    await tab.set_viewport(motion="reduce")

    await tab.open(page)
    await tab.run("document.querySelector('#state').dataset.state = 'wait'")

    assert await tab.run("document.getAnimations().length") == 0
