"""The examples in this repository's Markdown: code blocks, the commands in them, and code spans."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GENERATED = (
    *("docs/tools/", "docs/coverage.md", "docs/clients.md"),
    *("docs/recipes/", "docs/troubleshooting.md"),
)
"""Pages that scripts/write_docs.py writes: from the code without examples, or by running them; but
for the configurations in docs/clients.md, whose forms tests/clients checks."""
PROGRAMS = (
    "claude", "code", "curl", "docker", "fly", "gcloud", "kubectl", "make", "npm", "npx", "openssl",
    "pip", "pipx", "podman", "portkey-admin-mcp", "portkey-admin-mcp-http", "printf", "pytest",
    "python", "sh", "uvicorn", "uvx", "vercel", "cat", "for", "redis-server",
)  # fmt: skip
"""A code span whose first word is one of these is a command."""
NOT_COMMANDS = ("code", "uvx", "pipx run")
"""Code spans that are values of settings, or the names of programs."""


class Block(NamedTuple):
    """A fenced code block."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """The paths of all pages that are written by hand, relative to the root."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    paths = sorted(str(file.relative_to(ROOT)) for file in files)
    return [path for path in paths if not path.startswith(GENERATED)]


def text_of(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> Iterator[Block]:
    """The fenced code blocks of a page."""
    text = text_of(page)
    for match in re.finditer(r"^ *```(.*)\n((?:.*\n)*?) *```$", text, re.MULTILINE):
        line = text[: match.start()].count("\n") + 1
        yield Block(page, line, match[1].strip(), match[2])


def spans(page: str) -> list[str]:
    """The inline code of a page, without that of its code blocks."""
    text = re.sub(r"^ *```.*\n(?:.*\n)*? *```$", "", text_of(page), flags=re.MULTILINE)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def commands(block: Block) -> Iterator[str]:
    """The commands of a shell block; a loop and a here-document are one command each."""
    text = block.text.replace("\\\n", " ")
    for match in re.finditer(r".*<<(\w+)\n(?:.*\n)*?\1\n|for .*\n(?:.*\n)*?done\n|.*\n", text):
        command = match[0].strip("\n")
        if "\n" not in command:
            command = " ".join(re.sub(r"(^|\s)# .*$", "", command).split())
        if command:
            yield command


def page_commands(page: str) -> list[str]:
    """Every command that a page shows, in its blocks and in its text."""
    in_blocks = [c for b in blocks(page) if b.language == "sh" for c in commands(b)]
    in_text = [s for s in spans(page) if s.split()[0] in PROGRAMS and s not in NOT_COMMANDS]
    in_venv = [span for span in spans(page) if span.startswith(".venv/bin/")]
    return [*in_blocks, *in_text, *in_venv]
