"""Build the documentation site from docs/, without a network: `make docs-site` calls this.

The pages are copied to build/site-source with links that fit the site (README.md becomes the
index of its folder), Sphinx builds build/site from them, and every warning fails the build: a
link or an anchor that leads nowhere is one. llms.txt and llms-full.txt are written beside the
home page. Runs in the environment of requirements-docs.lock, and needs no other package.
"""

import argparse
import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = DOCS / "site"
SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"
PAGES_OF_THE_ROOT = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting-vulnerabilities.md",
    "benchmarks/RESULTS.md": "benchmarks/results.md",
    "benchmarks/GROWTH.md": "benchmarks/growth.md",
}
"""Pages outside docs that the site has too, and their places in it."""
SPLIT_PAGES = {"clients.md": "clients/index.md"}
"""Pages whose sections are pages of the site, and the place of what is before the first one."""
NAVIGATION: dict[str, tuple[str, ...]] = {
    "Use it": (
        "start",
        "clients/index",
        "recipes/index",
        "tools/index",
        "skills",
        "command-line",
    ),
    "Run it for a team": (
        "deploy/index",
        "settings",
        "policy",
        "security",
        "reporting-vulnerabilities",
    ),
    "Look it up": (
        "troubleshooting",
        "typescript-server",
        "coverage",
        "benchmarks",
        "benchmarks/results",
        "benchmarks/growth",
        "changelog",
    ),
    "Test with it": ("emulator", "testing"),
    "Change it": ("contributing", "architecture", "switches", "decisions/index", "release"),
}
"""The pages of the menu; a page that does not exist yet is left out."""
OTHERS = "More"
"""The heading of pages that are in no folder with an index and not in NAVIGATION."""
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^ *```.*\n(?:.*\n)*? *```$", re.MULTILINE)
CODE = re.compile(r"^ *```.*\n(?:.*\n)*? *```$|`[^`\n]+`", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z+.-]*:")


class BrokenLink(Exception):
    """A page links to a file that does not exist, or that the site does not have."""


def main() -> int:
    """Copy the pages, build the site, write the files for models; 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list-external", action="store_true", help="print the outside addresses")
    options = parser.parse_args()
    pages = site_pages()
    try:
        texts = {
            name: part
            for file, place in pages.items()
            for name, part in split_page(page_text(file, place, pages), place).items()
        }
    except BrokenLink as error:
        print(error, file=sys.stderr)
        return 1
    write_source(texts)
    if build():
        return 1
    for name, size in write_for_models(texts):
        print(f"{name}: {size:,} bytes")
    links = {link for text in texts.values() for link in external_links(text)}
    print(f"{len(texts)} pages, {len(links)} outside addresses (not called; see --list-external)")
    if options.list_external:
        print("\n".join(sorted(links)))
    return 0


def site_pages() -> dict[Path, str]:
    """Every Markdown file of the site, and its place in it."""
    pages = {
        file: re.sub(r"\bREADME\.md$", "index.md", file.relative_to(DOCS).as_posix())
        for file in sorted(DOCS.rglob("*.md"))
    }
    split = {DOCS / name: place for name, place in SPLIT_PAGES.items() if DOCS / name in pages}
    return pages | split | {ROOT / name: place for name, place in PAGES_OF_THE_ROOT.items()}


def page_text(file: Path, place: str, pages: dict[Path, str]) -> str:
    """The text of a page as the site has it, with links to the places of the site."""

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        return f"{label}({site_link(target, file, place, pages)})"

    text = file.read_text(encoding="utf-8")
    text = outside_code(text, lambda part: LINK.sub(link, part))
    return MERMAID.sub(lambda match: diagram_as_list(match[1]), text)


def split_page(text: str, place: str) -> dict[str, str]:
    """The pages that a page becomes: one for each section if it is in SPLIT_PAGES, else itself."""
    if place not in SPLIT_PAGES.values():
        return {place: text}
    index, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    parts, rows = {}, []
    for section in sections:
        title = section.partition("\n")[0]
        name = f"{anchor_of(title)}.md"
        parts[place.replace("index.md", name)] = f"# {section}".replace("\n###", "\n##")
        rows.append(f"- [{title}]({name})")
    return {place: index.rstrip() + "\n\n" + "\n".join(rows) + "\n", **parts}


def anchor_of(title: str) -> str:
    """The anchor of a heading, as GitHub writes it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change a text, but not its code blocks and code spans."""
    codes: list[str] = []

    def hide(match: re.Match[str]) -> str:
        codes.append(match[0])
        return f"\0{len(codes) - 1}\0"

    changed = change(CODE.sub(hide, text))
    return re.sub("\0(\\d+)\0", lambda match: codes[int(match[1])], changed)


def site_link(target: str, file: Path, place: str, pages: dict[Path, str]) -> str:
    """A link of a page as the site needs it; raises BrokenLink if it leads nowhere."""
    if EXTERNAL.match(target) or target.startswith("#"):
        return target
    path, _, anchor = target.partition("#")
    linked = (file.parent / path).resolve()
    if linked.is_dir():
        linked /= "README.md"
    if linked == ROOT / "README.md":
        linked = DOCS / "README.md"
    if linked in pages:
        path = os.path.relpath(pages[linked], Path(place).parent)
        if anchor and pages[linked] in SPLIT_PAGES.values():
            return path.replace("index.md", f"{anchor}.md")
    elif not (linked.is_file() and linked.is_relative_to(DOCS)):
        raise BrokenLink(
            f"{file.relative_to(ROOT)}: {target} is no page of the site and no file under docs; "
            "name a file of the repository as code, without a link"
        )
    return f"{path}#{anchor}" if anchor else path


MERMAID = re.compile(r"^```mermaid\n((?:.*\n)*?)```$", re.MULTILINE)
NODE = r"(\w+)(?:[(\[{]+\"?(.*?)\"?[)\]}]+)?"
EDGE = re.compile(
    rf"^ *{NODE} +(?:-->|-\.->|--+ +\"?(.*?)\"? +-->|-\. +\"?(.*?)\"? +\.->) +{NODE}$"
)


def diagram_as_list(diagram: str) -> str:
    """A flowchart as a list of its arrows, because the site runs no script that draws one."""
    names: dict[str, str] = {}
    rows = []
    for edge in filter(None, map(EDGE.match, diagram.splitlines())):
        start, start_label, solid, dotted, end, end_label = edge.groups()
        for node, label in ((start, start_label), (end, end_label)):
            if label:
                names[node] = html.unescape(re.sub(r"<br/>.*", "", label))
        rows.append((start, solid or dotted or "", end))
    lines = [
        f"| {names.get(start, start)} | → {names.get(end, end)} | {label} |"
        for start, label, end in rows
    ]
    return "\n".join(["| from | to | by |", "|---|---|---|", *lines])


def write_source(texts: dict[str, str]) -> None:
    """Write what Sphinx reads: the pages with their menus, and all other files of docs."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    menus = navigation(texts)
    for place, text in texts.items():
        target = SOURCE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.rstrip() + "\n" + menus.get(place, ""), encoding="utf-8")
    for file in DOCS.rglob("*"):
        if file.is_file() and file.suffix in (".png", ".svg"):
            target = SOURCE / file.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    for name in ("site.css", "site.js"):
        (SOURCE / "_static").mkdir(exist_ok=True)
        shutil.copyfile(CONFIGURATION / name, SOURCE / "_static" / name)


def navigation(texts: dict[str, str]) -> dict[str, str]:
    """The menus to append to pages: that of the home page, and of each index of a folder."""
    documents = {place.removesuffix(".md") for place in texts}
    menus = {}
    folders = {name.removesuffix("index") for name in documents if name.endswith("/index")}
    for folder in folders:
        places = in_folder(folder, texts)
        names = [place.removeprefix(folder).removesuffix(".md") for place in places[1:]]
        menus[f"{folder}index.md"] = menu("", names)
    in_folders = {name for name in documents if name.startswith(tuple(folders))}
    listed = {name for names in NAVIGATION.values() for name in names}
    others = sorted(documents - in_folders - listed - {"index"})
    home = {caption: [n for n in names if n in documents] for caption, names in NAVIGATION.items()}
    menus["index.md"] = "".join(
        menu(caption, names) for caption, names in {**home, OTHERS: others}.items() if names
    )
    return menus


def in_folder(folder: str, texts: dict[str, str]) -> list[str]:
    """The index of a folder, then its pages in the order in which the index names them."""
    index = texts[f"{folder}index.md"]
    order = {match[1]: match.start() for match in re.finditer(r"\]\(([^)#]+)", index)}
    pages = sorted(place for place in texts if place.startswith(folder))
    pages.remove(f"{folder}index.md")
    last = len(index)
    pages.sort(key=lambda place: order.get(place.removeprefix(folder), last))
    return [f"{folder}index.md", *pages]


def menu(caption: str, names: list[str]) -> str:
    """A part of the menu, which Sphinx shows at the side and not in the page."""
    head = [f":caption: {caption}"] if caption else []
    return "\n".join(["\n```{toctree}", ":hidden:", *head, "", *names, "```\n"])


def build() -> int:
    """Run Sphinx, which fails on every warning; its exit code."""
    shutil.rmtree(SITE, ignore_errors=True)
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-j", "auto"]
    folders = ["-d", str(ROOT / "build" / "site-cache"), "-c", str(CONFIGURATION)]
    return subprocess.run([*words, *folders, str(SOURCE), str(SITE)], check=False).returncode


def write_for_models(texts: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Write llms.txt, llms-full.txt and each page as Markdown; the names and sizes of the two."""
    for place, text in texts.items():
        (SITE / place).write_text(text, encoding="utf-8")
    full = all_for_models(texts)
    index = (
        f"{index_for_models(texts)}\n## Optional\n\n"
        f"- [All of these pages in one file](llms-full.txt): {len(full.encode()) / 1000:.0f} kB\n"
    )
    for name, text in {"llms.txt": index, "llms-full.txt": full}.items():
        (SITE / name).write_text(text, encoding="utf-8")
        yield name, len(text.encode())


def index_for_models(texts: dict[str, str]) -> str:
    """The pages with a line each, in the form of llmstxt.org."""
    lines = [f"# {title_of(texts['index.md'])}", "", f"> {first_sentence(texts['index.md'])}", ""]
    for caption, places in ordered_places(texts):
        lines += [f"## {caption}", ""]
        for place in places:
            about = about_page(place, texts[place])
            lines.append(f"- [{title_of(texts[place])}]({place})" + (f": {about}" if about else ""))
        lines.append("")
    return "\n".join(lines)


def all_for_models(texts: dict[str, str]) -> str:
    """The text of all pages that tell how to use the server, one after another."""
    places = [place for _, group in ordered_places(texts) for place in group]
    parts = [texts["index.md"], *(texts[place] for place in places)]
    return "\n\n---\n\n".join(re.sub(r"<!--.*?-->\n*", "", part).strip() for part in parts) + "\n"


def ordered_places(texts: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The pages in the order of the menu, by its captions."""
    for caption, names in NAVIGATION.items():
        places: list[str] = []
        for name in names:
            if name.endswith("/index") and f"{name}.md" in texts:
                places += in_folder(name.removesuffix("index"), texts)
            elif f"{name}.md" in texts:
                places.append(f"{name}.md")
        if places:
            yield caption, places


def about_page(place: str, text: str) -> str:
    """What a page is about: its first sentence, or for a domain its tools."""
    if place.startswith("tools/") and not place.endswith("/index.md"):
        return ", ".join(re.findall(r"^## (.*)$", text, re.MULTILINE))
    return first_sentence(text)


def title_of(text: str) -> str:
    """The first heading of a page."""
    match = re.search(r"^# (.*)$", text, re.MULTILINE)
    return match[1] if match else ""


def first_sentence(text: str) -> str:
    """The first sentence of a page, without links; empty if the page has no text."""
    body = CODE_BLOCK.sub("", re.sub(r"<!--.*?-->\n*", "", text)).partition("# ")[2]
    paragraphs = [part.strip() for part in body.partition("\n")[2].split("\n\n")]
    plain = next((part for part in paragraphs if part and part[0] not in "#|-*>"), "")
    words = " ".join(LINK.sub(lambda match: match[1].strip("[]"), plain).split())
    return re.split(r"(?<=[.?]) ", words, maxsplit=1)[0]


def external_links(text: str) -> set[str]:
    """The addresses outside the site that a page links to."""
    return {target for _, target in LINK.findall(CODE.sub("", text)) if EXTERNAL.match(target)}


if __name__ == "__main__":
    sys.exit(main())
