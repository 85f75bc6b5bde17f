"""What the server says of itself, word for word as the SDK would; `make docs` writes it.

Kept as lines of JSON: the first is the head, each other a tool as `tools/list` names it, so that
nothing has to be parsed to be sent. Read before anything else is imported: standard library only.
"""

import json
import os
from functools import cached_property
from typing import Any

FILE = os.path.join(os.path.dirname(__file__), "manifest.jsonl")
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The methods that list what there is, and the field that holds it."""


class ListedTool:
    """A tool as the manifest knows it: enough to choose it, to list it and to find its module."""

    def __init__(self, told: dict[str, str], text: str) -> None:
        self.name = told["name"]
        self.domain = told["domain"]
        self.effect = told["effect"]
        self.module = told["module"]
        self.text = text

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """How its arguments are described."""
        schema: dict[str, Any] = json.loads(self.text)["inputSchema"]
        return schema


class Manifest:
    """The whole manifest, or what is left of it for some tools."""

    def __init__(self, head: dict[str, Any], tools: list[ListedTool]) -> None:
        self._head = head
        self.tools = {tool.name: tool for tool in tools}

    @classmethod
    def load(cls) -> "Manifest":
        """Read it from beside this file."""
        with open(FILE, encoding="utf-8") as file:
            head, *lines = file.read().splitlines()
        told = json.loads(head)
        pairs = zip(told["tools"], lines, strict=True)
        return cls(told, [ListedTool(each, text) for each, text in pairs])

    def offering(self, names: set[str]) -> "Manifest":
        """The manifest of a server that offers these tools only."""
        return Manifest(self._head, [tool for name, tool in self.tools.items() if name in names])

    @cached_property
    def announcement(self) -> dict[str, Any]:
        """What `initialize` and `server/discover` both tell."""
        capabilities: dict[str, Any] = dict(self._head["capabilities"])
        if not self._definitions("prompts"):
            del capabilities["prompts"]
        return {"capabilities": capabilities, "instructions": self._head["instructions"]}

    @property
    def server_info(self) -> dict[str, Any]:
        """Name and version."""
        info: dict[str, Any] = self._head["serverInfo"]
        return info

    @property
    def modern(self) -> dict[str, dict[str, Any]]:
        """What results hold besides since revision 2026-07-28, by kind: discover, list, call."""
        besides: dict[str, dict[str, Any]] = self._head["modern"]
        return besides

    @cached_property
    def lists(self) -> dict[str, bytes]:
        """The result of each listing method up to revision 2025-11-25, as JSON without braces."""
        return {method: self._listed(field).encode() for method, field in LISTS.items()}

    def _listed(self, field: str) -> str:
        if field == "tools":
            return f'"tools":[{",".join(tool.text for tool in self.tools.values())}]'
        return f'"{field}":{json.dumps(self._definitions(field), separators=(",", ":"))}'

    def _definitions(self, field: str) -> list[dict[str, Any]]:
        """What is offered of a kind: only what needs no tool that is not."""
        told = self._head[field]
        return [each["definition"] for each in told if self.tools.keys() >= {*each["needs"]}]
