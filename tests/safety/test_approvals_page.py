"""The page of approvals in a real browser, served by the real service."""

import json

import pytest

from asgi_server import serve_app
from browser import Tab
from portkey_admin_mcp.safety.approvals import Where
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import Approval
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.pages.approvals import Approvals
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import shared_server

TOKENS = {name: f"token-of-{name}-0123456789" for name in ("ci", "mo")}
NAME = "<img src=x onerror=alert(1)>\u202e"
CUT = """[...document.querySelectorAll('pre')]
  .filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"""
"""JSON of which a person would have to scroll sideways to read all."""
PREVIEW = {
    "risk": "high",
    "object": {"name": NAME, "workspace": "<b>Growth</b>"},
    "changes": {"role": {"from": "member", "to": "<script>\n- Risk: low"}},
    "undo": {"possible": False, "how": "what is deleted cannot be restored"},
}
LINES = "[...document.querySelector('.lines').querySelectorAll('p, li')].map(e => e.textContent)"
SHOWN_NAME = "<img src=x onerror=alert(1)>\\u202e"


def pending_request(id):
    return Approval(
        id=id,
        call=id,
        binding="",
        tool="delete_user",
        label=NAME,
        preview=json.dumps(PREVIEW),
        requester="bearer:ci",
        created_at=1_800_000_000,
        expires_at=4_000_000_000,
    )


@pytest.fixture
def page(tmp_path):
    """The address of a service whose state is in a file."""

    def app(port):
        return build_http(
            shared_server(),
            Hosting(MCP_PORT=port, MCP_AUTH_MODE="bearer", MCP_AUTH_TOKENS=json.dumps(TOKENS)),
            approvals=Approvals(SqliteStore(tmp_path / "state.db"), SafetySettings(), Where()),
        )

    with serve_app(app) as address:
        yield f"{address}/approvals"


@pytest.fixture
async def tab(chromium):
    async with Tab(chromium) as tab:
        await tab.set_viewport()
        yield tab


async def sign_in(tab, token):
    await tab.run("document.querySelector('#token').value = ''")
    await tab.click("#token")
    await tab.type(token)
    await tab.press("Enter")


async def verdict(tab, text):
    await tab.until("document.querySelector('#verdict').textContent", lambda value: text in value)


async def require_plain_sentences(tab):
    """The preview is there as sentences, with no element from a name in it, and as JSON."""
    assert await tab.run("document.querySelectorAll('#requests :is(img, b, script)').length") == 0
    assert await tab.run(LINES) == [
        f'Delete user: "{SHOWN_NAME}" (in workspace "<b>Growth</b>")',
        "Risk: high.",
        'role: "member" → "<script> ⏎ - Risk: low"',
        "Cannot be undone: what is deleted cannot be restored.",
    ]
    assert not await tab.run("document.querySelector('#requests details').open")
    await tab.click("#requests summary")
    assert json.loads(await tab.text("#requests pre"))["risk"] == "high"


async def test_an_approver_settles_and_freezes_with_a_token_that_goes_nowhere_else(
    tab, page, tmp_path
):
    store = SqliteStore(tmp_path / "state.db")
    for id in ("0a1b2c3d", "4e5f6a7b"):
        await store.request(pending_request(id))
    await tab.open(page)
    await tab.press("Tab")

    await sign_in(tab, "nobodys-token-0123456789")
    await verdict(tab, "This token is not valid")
    assert await tab.run("document.querySelectorAll('#requests .card').length") == 0

    await sign_in(tab, TOKENS["ci"])
    await verdict(tab, "You are bearer:ci. 2 open requests.")
    await tab.run(f"document.querySelector('#name-0a1b2c3d').value = {json.dumps(NAME)}")
    await tab.click("#requests .card .primary")
    await verdict(tab, "another principal must approve it")

    await sign_in(tab, TOKENS["mo"])
    await verdict(tab, "You are bearer:mo. 2 open requests.")
    assert await tab.text("#requests h2") == f"delete_user: {SHOWN_NAME}"
    await require_plain_sentences(tab)
    await tab.set_viewport(390)
    assert await tab.run(CUT) == []
    await tab.click("#requests .card .primary")
    await verdict(tab, '"name" must be the name of the object')
    await tab.click("#name-0a1b2c3d")
    await tab.type(SHOWN_NAME)
    await tab.click("#requests .card .primary")
    await verdict(tab, "approved; the same call passes once")
    await tab.click("#why-4e5f6a7b")
    await tab.type("still in use")
    await tab.click("#requests .card button:not(.primary)")
    await verdict(tab, "denied.")
    assert (await store.find("0a1b2c3d")).settled_by == "bearer:mo"
    assert (await store.find("4e5f6a7b")).why == "still in use"

    await tab.click("#freeze-why")
    await tab.type("an incident")
    await tab.press("Enter")
    await tab.until("document.querySelector('#freeze-state').textContent.includes('by bearer:mo')")
    assert (await store.freeze()).why == "an incident"
    await tab.click("#freeze-button")
    await tab.until(
        "document.querySelector('#freeze-state').textContent === 'Changes are allowed.'"
    )
    assert await store.freeze() is None

    assert [each for each in tab.errors if "responded with a status of 40" not in each] == []
    with_token = [each for each in tab.requests if TOKENS["mo"] in json.dumps(each)]
    assert len(with_token) >= 6
    for request in with_token:
        assert request["headers"].pop("Authorization") == f"Bearer {TOKENS['mo']}"
        assert TOKENS["mo"] not in json.dumps(request)
    stored = "[localStorage.length, sessionStorage.length, document.cookie, location.href]"
    assert await tab.run(stored) == [0, 0, "", page]
    assert TOKENS["mo"] not in await tab.run("document.documentElement.outerHTML")
    assert await tab.run("document.documentElement.scrollWidth - innerWidth") <= 0
    await tab.run("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert await tab.run("document.querySelector('#token').value") == ""
    await store.close()
