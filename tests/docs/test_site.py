"""The documentation site: how its pages are prepared, what it loads, and what it shows."""

import functools
import json
import os
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import build_site
import pytest

from browser import Tab

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
TESTED_PAGES = (
    "index.html", "start.html", "recipes/people.html", "tools/analytics.html", "settings.html",
    "troubleshooting.html", "typescript-server.html",
)  # fmt: skip
WIDTHS = (1280, 390)
SCHEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 20, 22)"}
"""The colour schemes, and the background of a page in each."""
LOADING_TAGS = {"img": "src", "script": "src", "iframe": "src", "source": "src", "object": "data"}
"""Elements that load something, and the attribute that names it."""


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A folder of pages to prepare: `pages({"a.md": "text"})` returns their texts on the site."""
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    monkeypatch.setattr(build_site, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(build_site, "PAGES_OF_THE_ROOT", {})

    def prepare(files):
        for name, text in files.items():
            file = tmp_path / "docs" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        places = build_site.site_pages()
        return {place: build_site.page_text(file, place, places) for file, place in places.items()}

    return prepare


# How pages are prepared


def test_links_lead_to_the_places_of_the_site(pages):
    texts = pages(
        {
            "README.md": "[a](a.md#b) [tools](tools/README.md) [folder](tools) [top](../README.md)",
            "a.md": "[out](https://example.com) [here](#b) `[code](gone.md)`\n",
            "tools/README.md": "[a](../a.md)",
        }
    )

    assert texts == {
        "index.md": "[a](a.md#b) [tools](tools/index.md) [folder](tools/index.md) [top](index.md)",
        "a.md": "[out](https://example.com) [here](#b) `[code](gone.md)`\n",
        "tools/index.md": "[a](../a.md)",
    }
    assert build_site.external_links(texts["a.md"]) == {"https://example.com"}


@pytest.mark.parametrize("target", ["gone.md", "../src/file.py", "/etc/hosts", "tools"])
def test_a_link_to_no_page_is_refused(pages, target):
    with pytest.raises(build_site.BrokenLink, match=re.escape(target)):
        pages({"README.md": f"[a]({target})"})


def test_every_page_is_in_the_menu_once(pages):
    texts = pages({"README.md": "", "start.md": "", "new.md": "", "tools/README.md": "[b](b.md)",
                   "tools/b.md": "", "tools/a.md": ""})  # fmt: skip
    menus = build_site.navigation(texts)

    assert re.findall(r"^[a-z/]+$", menus["index.md"], re.MULTILINE) == [
        "start", "tools/index", "new",
    ]  # fmt: skip
    assert re.findall(r"^[a-z/]+$", menus["tools/index.md"], re.MULTILINE) == ["b", "a"]


def test_a_page_of_clients_becomes_a_page_for_each_client(pages):
    clients = "# Clients\n\nMany.\n\n## Tea Pot\n\n[b](b.md)\n\n### With milk\n\n## Cup\n\nText.\n"
    texts = pages({"README.md": "[t](clients.md#tea-pot) [all](clients.md)", "clients.md": clients,
                   "b.md": "# b\n"})  # fmt: skip
    parts = build_site.split_page(texts["clients/index.md"], "clients/index.md")

    assert texts["index.md"] == "[t](clients/tea-pot.md) [all](clients/index.md)"
    assert parts == {
        "clients/index.md": "# Clients\n\nMany.\n\n- [Tea Pot](tea-pot.md)\n- [Cup](cup.md)\n",
        "clients/tea-pot.md": "# Tea Pot\n\n[b](../b.md)\n\n## With milk\n\n",
        "clients/cup.md": "# Cup\n\nText.\n",
    }


def test_a_diagram_is_shown_as_a_table():
    diagram = '  a(["first<br/><i>x</i>"]) --> b["second"]\n  b -. "asks" .-> a\n  b -- TLS --> c\n'

    assert build_site.diagram_as_list(diagram).splitlines()[2:] == [
        "| first | → second |  |",
        "| second | → first | asks |",
        "| second | → c | TLS |",
    ]


def test_every_arrow_of_a_diagram_is_in_the_table():
    for file in (ROOT / "docs").rglob("*.md"):
        for diagram in build_site.MERMAID.findall(file.read_text(encoding="utf-8")):
            rows = build_site.diagram_as_list(diagram).count("\n") - 1
            assert rows == len(re.findall(r"--+>|\.->", diagram)), file


def test_the_list_for_models_names_each_page_for_users_with_a_sentence(pages):
    texts = pages(
        {
            "README.md": "# Tea\n\nAll about tea. And more.\n",
            "start.md": "# Start\n\n```sh\nboil\n```\n\nBoil [water](README.md): it is hot. Wait.",
            "tools/README.md": "# Tools\n\n| a | b |\n|---|---|\n",
            "tools/pots.md": "# pots\n\n## get_pot\n\nText.\n\n## list_pots\n",
        }
    )

    assert build_site.index_for_models(texts).splitlines() == [
        "# Tea", "", "> All about tea.", "", "## Use it", "",
        "- [Start](start.md): Boil water: it is hot.", "- [Tools](tools/index.md)",
        "- [pots](tools/pots.md): get_pot, list_pots",
    ]  # fmt: skip
    full = build_site.all_for_models(texts)
    assert [line for line in full.splitlines() if line.startswith("# ")] == [
        "# Tea", "# Start", "# Tools", "# pots",
    ]  # fmt: skip


# The built site


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the built site; without it the tests are skipped, or fail in CI."""
    if not (SITE / "llms.txt").exists():
        if os.environ.get("REQUIRE_REAL_PARTS") == "1":
            pytest.fail("make docs-site has not been run, and REQUIRE_REAL_PARTS=1")
        pytest.skip("make docs-site has not been run")
    return SITE


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        attributes = dict(attrs)
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "a" and attributes.get("href"):
            self.links.add(attributes["href"])
        if tag == "link" and attributes.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.add(attributes["href"])
        if tag in LOADING_TAGS and attributes.get(LOADING_TAGS[tag]):
            self.loads.add(attributes[LOADING_TAGS[tag]])


def test_no_link_or_anchor_of_the_site_is_broken_and_nothing_is_loaded_from_elsewhere(site):
    parsed = {file: Page(file) for file in site.rglob("*.html")}

    broken, outside = [], []
    for file, page in parsed.items():
        outside += [(file.name, load) for load in page.loads if re.match(r"(?:\w+:)?//", load)]
        for link in (page.links | page.loads) - {"#"}:
            path, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = file
            if path:
                target = Path(os.path.normpath(file.parent / path.partition("?")[0]))
            anchors = parsed[target].anchors if target in parsed else {anchor}
            if not (target in parsed or target.exists()) or (anchor and anchor not in anchors):
                broken.append((file.name, link))
    assert len(parsed) > 60
    assert (broken, outside) == ([], [])
    for file in site.glob("_static/**/*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", file.read_text(encoding="utf-8")), file


def test_the_files_for_models_name_pages_that_exist(site):
    text = (site / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)

    assert len(links) > 50
    assert [link for link in links if not (site / link).exists()] == []
    assert len(text) < 40_000, "a model reads this file whole"
    full = (site / "llms-full.txt").read_text(encoding="utf-8")
    assert all(f"## {tool}\n" in full for tool in ("list_api_keys", "get_cost_analytics"))


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site over HTTP."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page", TESTED_PAGES)
async def test_a_page_fits_every_screen_and_asks_nobody_else(chromium, address, page):
    async with Tab(chromium) as tab:
        await tab.open(address + page)
        for width in WIDTHS:
            for scheme, background in SCHEMES.items():
                await tab.set_viewport(width, scheme=scheme)
                # What moves from one screen's place to the other's is there at once.
                await tab.run("document.getAnimations().forEach((each) => each.finish())")
                root = "document.documentElement"
                assert await tab.run(f"{root}.scrollWidth - {root}.clientWidth") == 0
                assert (
                    await tab.run("getComputedStyle(document.body).backgroundColor") == background
                )

        assert tab.errors == []
        urls = [request["url"] for request in tab.requests]
        assert [url for url in urls if not url.startswith((address, "data:"))] == []


async def test_search_finds_a_page_without_a_server(chromium, site):
    """From a folder, as somebody who unpacked the site would open it."""
    async with Tab(chromium) as tab:
        await tab.open(f"{(site / 'search.html').as_uri()}?q=rotate")
        await tab.until(
            "[...document.querySelectorAll('ul.search li > a')].map((link) => link.textContent)",
            lambda titles: {"API keys", "api_keys"} <= set(titles),
        )


PASTED = {
    "Error: PORTKEY_BASE_URL must be https; set PORTKEY_ALLOW_INSECURE_HTTP=true to send the key "
    "without TLS.": "Addresses",
    "all changes are frozen since 2026-11-02 09:00 UTC by ada: an incident with keys. Only a "
    "person ends it, by `portkey-admin-mcp thaw`": "Questions, approvals and freezes",
    "The token has expired; get a new one.": "Tokens and sign-in",
    "yesterday the weather was better than its forecast": "",
}
"""Messages that a person pastes, and where each is found; none, if it is no message of ours."""


async def test_a_pasted_message_is_found_with_its_cure(chromium, address):
    async with Tab(chromium) as tab:
        await tab.open(f"{address}troubleshooting.html")
        for pasted, expected in PASTED.items():
            await tab.run("document.querySelector('.error-search').value = ''")
            await tab.run("document.querySelector('.error-search').focus()")
            await tab.type(pasted)
            # The result changes with each letter, so the test waits for that of the whole text.
            shown = json.dumps(expected or "No message of ours")
            await tab.until(
                f"document.querySelector('.error-search-result').textContent.includes({shown})"
            )
            if expected:
                best = await tab.text(".error-search-match")
                assert expected in best, pasted
                assert "Cure." in best, pasted


async def test_a_block_of_code_can_be_copied(chromium, address):
    async with Tab(chromium) as tab:
        await tab.allow_clipboard()
        await tab.open(f"{address}start.html")
        await tab.click("div.highlight button.copy")
        copied = await tab.until("navigator.clipboard.readText()")

    assert copied == "uvx portkey-admin-mcp --sandbox"
