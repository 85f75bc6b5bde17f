"""Change one member of a JSON text, and leave every other character of it as it is.

Comments and trailing commas are accepted, because VS Code and others write them into their files.
A path is a tuple of names of members and, inside arrays, of positions.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .jsonc_layout import Layout

Path = tuple[str | int, ...]

SPACE = re.compile(r"[ \t\r\n]+")
COMMENT = re.compile(r"//[^\r\n]*|/\*[\s\S]*?\*/")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
SCALAR = re.compile(r'[^\s,\[\]{}:"/]+')
REST_OF_LINE = re.compile(r"[ \t]*(?:/\*[^\r\n]*?\*/[ \t]*)*(?://[^\r\n]*)?(?=\r?\n|$)")
BLANK_REST_OF_LINE = re.compile(r"[ \t]*(?=\r?\n|$)")
MAX_DEPTH = 200


class JsoncError(ValueError):
    """The text is not JSON with comments, or cannot be changed as asked; the message says where."""


@dataclass
class Child:
    """A member of an object, or an item of an array, which has no key."""

    key: str | None
    start: int
    """Where its key begins, or the value of an item."""
    node: "Node"
    comma: int | None = None
    """Where the comma after it is."""


@dataclass
class Node:
    """A value in the text, from `start` to before `end`."""

    start: int
    end: int
    value: Any
    """A string, number or literal; None for an object and an array."""
    brackets: str = ""
    """`{}` for an object, `[]` for an array."""
    children: list[Child] = field(default_factory=list)

    def child(self, step: str | int) -> Child | None:
        """The member of this name, or the item at this position."""
        if isinstance(step, int):
            return self.children[step] if 0 <= step < len(self.children) else None
        return next((child for child in self.children if child.key == step), None)


class Document:
    """A parsed text, and its comments; raises JsoncError unless it is an object."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[tuple[int, int]] = []
        self._at = 0
        self.root = self._value(0)
        self._skip()
        if self._at < len(text):
            raise self._error("nothing may follow the object")
        if self.root.brackets != "{}":
            self._at = self.root.start
            raise self._error("the file must hold an object")

    def find(self, path: Path) -> Node | None:
        """The value at a path."""
        node: Node | None = self.root
        for step in path:
            child = node.child(step) if node is not None else None
            node = child.node if child else None
        return node

    def value(self, node: Node) -> Any:
        """A value as Python has it."""
        if node.brackets == "{}":
            return {child.key: self.value(child.node) for child in node.children}
        if node.brackets == "[]":
            return [self.value(child.node) for child in node.children]
        return node.value

    def _error(self, problem: str) -> JsoncError:
        line = self.text.count("\n", 0, self._at) + 1
        return JsoncError(f"line {line}: {problem}")

    def _skip(self) -> None:
        """Move behind spaces and comments."""
        while self._at < len(self.text):
            if match := SPACE.match(self.text, self._at):
                self._at = match.end()
            elif match := COMMENT.match(self.text, self._at):
                self.comments.append(match.span())
                self._at = match.end()
            else:
                return

    def _value(self, depth: int) -> Node:
        self._skip()
        start = self._at
        first = self.text[start : start + 1]
        if first in ("{", "["):
            return self._container("{}" if first == "{" else "[]", depth)
        match = (STRING if first == '"' else SCALAR).match(self.text, start)
        if match is None:
            raise self._error("a value is missing" if first else "the text ends too early")
        return Node(start, match.end(), self._scalar(match), "")

    def _scalar(self, match: re.Match[str]) -> Any:
        try:
            value = json.loads(match[0])
        except ValueError:
            raise self._error(f"{match[0][:30]!r} is no JSON value") from None
        self._at = match.end()
        return value

    def _container(self, brackets: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._error("too many levels")
        node = Node(self._at, self._at, None, brackets)
        keys: set[str] = set()
        self._at += 1
        self._skip()
        while not self.text.startswith(brackets[1], self._at):
            child = self._child(brackets, depth)
            if child.key is not None and child.key in keys:
                self._at = child.start
                raise self._error(f"{child.key!r} is there twice")
            keys.update([child.key] if child.key is not None else [])
            node.children.append(child)
            self._skip()
            if self.text.startswith(",", self._at):
                child.comma = self._at
                self._at += 1
                self._skip()
            elif not self.text.startswith(brackets[1], self._at):
                raise self._error(f"a comma or {brackets[1]} is missing")
        self._at += 1
        node.end = self._at
        return node

    def _child(self, brackets: str, depth: int) -> Child:
        start = self._at
        if brackets == "[]":
            return Child(None, start, self._value(depth + 1))
        match = STRING.match(self.text, start)
        if match is None:
            raise self._error("the name of a member is missing")
        key = self._scalar(match)
        self._skip()
        if not self.text.startswith(":", self._at):
            raise self._error(f"a colon is missing after {key!r}")
        self._at += 1
        return Child(key, start, self._value(depth + 1))


def parse(text: str) -> dict[str, Any]:
    """The object in a text; an empty text is an empty object. Raises JsoncError."""
    document = Document(text if text.strip() else "{}")
    value: dict[str, Any] = document.value(document.root)
    return value


def set_member(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with `value` at a path, whose parents are created if they are missing.

    If the value is there already, the text is unchanged. Raises JsoncError if the text cannot be
    parsed, or a parent is no object.
    """
    document = Document(text if text.strip() else "{}")
    layout = Layout(document.text)
    if not document.root.children and not document.comments:
        return layout.whole(_nested(path, value))
    node = document.root
    for depth, step in enumerate(path):
        if node.brackets != "{}":
            raise JsoncError(f"{path[depth - 1]!r} is there, and is no object")
        child = node.child(step)
        if child is None:
            return _insert(layout, node, step, _nested(path[depth + 1 :], value))
        node = child.node
    if document.value(node) == value:
        return text
    rendered = layout.rendered(value, layout.indent_at(node.start), _is_inline(layout, node))
    return text[: node.start] + rendered + text[node.end :]


def append_item(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with an item added to the array at a path, which is created if it is missing."""
    document = Document(text if text.strip() else "{}")
    node = document.find(path)
    if node is None:
        return set_member(text, path, [value])
    if node.brackets != "[]":
        raise JsoncError(f"{path[-1]!r} is there, and is no array")
    return _insert(Layout(text), node, None, value)


def remove(text: str, path: Path) -> str:
    """The text without the member or item at a path; unchanged if it is not there."""
    document = Document(text if text.strip() else "{}")
    parent = document.find(path[:-1])
    child = parent.child(path[-1]) if parent else None
    if parent is None or child is None:
        return text
    at = parent.children.index(child)
    before = parent.children[at - 1] if at else None
    start, end = child.start, child.node.end if child.comma is None else child.comma + 1
    line = text.rfind("\n", 0, start) + 1
    is_own_line = not text[line:start].strip() and line > parent.start
    if is_own_line and (rest := BLANK_REST_OF_LINE.match(text, end)):
        start, end = line - 1 - (text[line - 2 : line - 1] == "\r"), rest.end()
    elif before is not None and before.comma is not None:
        start = before.comma + 1
    inside = text[parent.start + 1 : start] + text[end : parent.end - 1]
    if not inside.strip():  # nothing is left in it
        start, end = parent.start + 1, parent.end - 1
    text = text[:start] + text[end:]
    if child.comma is None and before is not None and before.comma is not None:
        text = text[: before.comma] + text[before.comma + 1 :]
    return text


def redacted(text: str, shown: list[Path]) -> str:
    """The text without the strings and comments outside the paths in `shown`.

    The names of members remain. For showing a change of a file that may hold secrets of others.
    """
    document = Document(text if text.strip() else "{}")
    spans = [(node.start, node.end) for path in shown if (node := document.find(path))]
    hidden = [(start, end, "/* … */") for start, end in document.comments]
    hidden += [(node.start, node.end, '"…"') for node in _strings(document.root)]
    parts, at = [], 0
    for start, end, stand_in in sorted(hidden):
        if not any(first <= start < last for first, last in spans):
            parts += [document.text[at:start], stand_in]
            at = end
    return "".join([*parts, document.text[at:]])


def _strings(node: Node) -> list[Node]:
    """All strings that are values."""
    if isinstance(node.value, str):
        return [node]
    return [string for child in node.children for string in _strings(child.node)]


def _nested(path: tuple[str, ...], value: Any) -> Any:
    """`value` inside an object for each step of a path."""
    for step in reversed(path):
        value = {step: value}
    return value


def _is_inline(layout: Layout, node: Node) -> bool:
    """Whether a container is written on one line, and what is added to it should be, too."""
    text = layout.text[node.start : node.end]
    return "\n" not in text and bool(node.children or "\n" not in layout.text)


def _insert(layout: Layout, node: Node, key: str | None, value: Any) -> str:
    """The text with a last child added to a container."""
    text = layout.text
    is_inline = _is_inline(layout, node)
    outer = layout.indent_at(node.start)
    inner = layout.indent_at(node.children[0].start) if node.children else outer + layout.unit
    rendered = layout.rendered(value, inner, is_inline)
    if key is not None:
        rendered = f"{json.dumps(key, ensure_ascii=False)}: {rendered}"
    if not node.children:
        # Comments in an object without members stay in front of the first.
        end = node.start + 1 + len(text[node.start + 1 : node.end - 1].rstrip())
        if is_inline:
            return text[:end] + rendered + text[node.end - 1 :]
        lines = f"{layout.newline}{inner}{rendered}{layout.newline}{outer}"
        return text[:end] + lines + text[node.end - 1 :]
    last = node.children[-1]
    comma = "," if last.comma is None else ""
    if last.comma is not None:  # the file has a comma after the last one, too
        rendered += ","
    end = last.node.end if last.comma is None else last.comma + 1
    if is_inline:
        return f"{text[:end]}{comma} {rendered}{text[end:]}"
    # A comment behind the last child, on its line, stays there.
    rest = REST_OF_LINE.match(text, end)
    place = rest.end() if rest else end
    member = f"{layout.newline}{inner}{rendered}"
    return f"{text[:end]}{comma}{text[end:place]}{member}{text[place:]}"
