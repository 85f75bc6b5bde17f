"""A skill: a `SKILL.md` with front matter, further files, and their digests. Imports no SDK."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

SCHEME = "skill://"
MAIN_FILE = "SKILL.md"
MARKDOWN = "text/markdown"
DIRECTORY = "inode/directory"


class SkillNotFound(Exception):
    """No skill, file or directory of that URI is served."""


@dataclass(frozen=True)
class Skill:
    """One skill.

    `path` locates it: its last segment is its name, the segments before it say where it is from.
    `files` are Markdown texts by their path in the skill; the first is `SKILL.md`.
    """

    path: str
    front_matter: Mapping[str, Any]
    """What the front matter of `SKILL.md` holds, as JSON values."""
    files: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name, which is not unique: its URI is."""
        return str(self.front_matter["name"])

    @property
    def description(self) -> str:
        """What it is for, and when to use it."""
        return str(self.front_matter["description"])

    @property
    def uri(self) -> str:
        """The URI of its `SKILL.md`."""
        return self.uri_of(MAIN_FILE)

    def uri_of(self, file: str) -> str:
        """The URI of one of its files."""
        return f"{SCHEME}{self.path}/{file}"

    @cached_property
    def entry(self) -> dict[str, Any]:
        """The entry of SEP-2640, the same in `skills/list` and `skills/get`."""
        return {
            "uri": self.uri,
            "frontmatter": dict(self.front_matter),
            "resources": [
                {"uri": self.uri_of(file), "digest": digest(text), "size": len(text.encode())}
                for file, text in self.files.items()
            ],
        }

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Its files as MCP resources, by URI."""
        described = {
            "name": self.name,
            "title": f"Skill: {self.name.replace('-', ' ')}",
            "description": self.description,
        }
        return {
            self.uri_of(file): {
                "uri": self.uri_of(file),
                "name": file.rpartition("/")[2],
                "mimeType": MARKDOWN,
                **(described if file == MAIN_FILE else {}),
            }
            for file in self.files
        }

    def text_of(self, uri: str) -> str | None:
        """The text of one of its files; None if it has no file of that URI."""
        return next((text for file, text in self.files.items() if self.uri_of(file) == uri), None)


def digest(text: str) -> str:
    """The digest of a file with this text: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def children_of(directory: str, skills: Iterable[Skill]) -> list[dict[str, Any]]:
    """The files and directories directly inside a directory, as MCP resources.

    Raises SkillNotFound if no skill has a file below that URI.
    """
    prefix = f"{directory}/"
    children: dict[str, dict[str, Any]] = {}
    for skill in skills:
        for uri, resource in skill.resources.items():
            if not uri.startswith(prefix):
                continue
            name, slash, _ = uri.removeprefix(prefix).partition("/")
            child = f"{prefix}{name}"
            children[child] = (
                {"uri": child, "name": name, "mimeType": DIRECTORY} if slash else resource
            )
    if not children:
        raise SkillNotFound(directory)
    return list(children.values())
