"""The front matter of a `SKILL.md`: YAML between two lines of `---`, and what it may hold.

The rules are those of the Agent Skills specification. What widens the rights of a model is refused.
"""

import re
from typing import Any

import yaml

from ...calls.visible_text import HIDDEN

MAX_FRONT_MATTER_CHARS = 4_000
MAX_DEPTH = 3
"""Values inside one another: the fields, a map of metadata, its texts."""
MAX_NAME_CHARS = 64
MAX_DESCRIPTION_CHARS = 1024
MAX_COMPATIBILITY_CHARS = 500
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
PARTS = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)(.*)", re.DOTALL)
BEGINS = re.compile(r"---[ \t]*\n")
FIELDS = ("name", "description", "license", "compatibility", "metadata")
GRANTS = "allowed-tools"
"""A field of the specification that would let a client run tools without asking: refused."""
RESERVED = "io.modelcontextprotocol/"


class FrontMatterInvalid(Exception):
    """A text begins with front matter that is not a skill's; the message says why."""


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which expand, without double keys, and not nested deep."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias, and a value inside too many others."""
        if self.check_event(yaml.AliasEvent):
            raise FrontMatterInvalid("it uses a YAML alias (*name); write the value out")
        if self.depth > MAX_DEPTH:
            raise FrontMatterInvalid("its front matter is nested too deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice."""
        keys = [key.value for key, _value in node.value]
        if len(set(map(str, keys))) < len(keys):
            raise FrontMatterInvalid("a field stands in it twice")
        return super().construct_mapping(node, deep)


def has_front_matter(text: str) -> bool:
    """Whether a text means to be a skill: it begins with a line of `---`."""
    return BEGINS.match(text) is not None


def split(text: str) -> tuple[str, str]:
    """The YAML and the text after it. Raises FrontMatterInvalid."""
    parts = PARTS.match(text)
    if parts is None:
        raise FrontMatterInvalid("its front matter has no second line of ---")
    if len(parts[1]) > MAX_FRONT_MATTER_CHARS:
        raise FrontMatterInvalid(f"its front matter has over {MAX_FRONT_MATTER_CHARS} characters")
    return parts[1], parts[2]


def read(source: str) -> dict[str, Any]:
    """The checked fields of front matter in YAML. Raises FrontMatterInvalid."""
    if HIDDEN.search(source):
        raise FrontMatterInvalid("its front matter has a hidden character")
    try:
        fields = yaml.load(source, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "cannot be read"
        raise FrontMatterInvalid(f"its front matter is not YAML: {problem}") from None
    if not isinstance(fields, dict):
        raise FrontMatterInvalid("its front matter is not a list of fields")
    check(fields)
    return fields


def check(fields: dict[Any, Any]) -> None:
    """Check the fields of front matter. Raises FrontMatterInvalid."""
    if GRANTS in fields:
        raise FrontMatterInvalid(f"{GRANTS} is not accepted: a skill grants no tools")
    if unknown := [str(name) for name in fields if name not in FIELDS]:
        raise FrontMatterInvalid(
            f"there is no field {unknown[0][:40]!r}; known: {', '.join(FIELDS)}"
        )
    name = _text(fields, "name", MAX_NAME_CHARS)
    if not NAME.fullmatch(name):
        raise FrontMatterInvalid(
            "its name must be lower-case letters, digits and single hyphens, like review-keys"
        )
    _text(fields, "description", MAX_DESCRIPTION_CHARS)
    if "license" in fields:
        _text(fields, "license", MAX_COMPATIBILITY_CHARS)
    if "compatibility" in fields:
        _text(fields, "compatibility", MAX_COMPATIBILITY_CHARS)
    _check_metadata(fields.get("metadata", {}))


def _text(fields: dict[Any, Any], name: str, max_chars: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > max_chars:
        raise FrontMatterInvalid(f"its {name} must be text of 1 to {max_chars} characters")
    if HIDDEN.search(value):
        raise FrontMatterInvalid(f"its {name} has a hidden character")
    return value


def _check_metadata(metadata: Any) -> None:
    texts = [*metadata, *metadata.values()] if isinstance(metadata, dict) else [None]
    if not all(isinstance(text, str) and not HIDDEN.search(text) for text in texts):
        raise FrontMatterInvalid("its metadata must be names with texts; put numbers in quotes")
    if any(name.startswith(RESERVED) for name in metadata):
        raise FrontMatterInvalid(f"names of metadata that begin with {RESERVED} are reserved")


def render(fields: dict[str, Any], body: str) -> str:
    """The text of a `SKILL.md` with these fields."""
    source = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100_000)
    return f"---\n{source}---\n\n{body}"
