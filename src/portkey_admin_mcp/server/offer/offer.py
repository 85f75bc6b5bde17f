"""What the server offers, word for word as it is listed. Standard library only.

`make docs` writes it to manifest.jsonl, from the tools themselves, so that a list can be sent
without importing a tool: the first line is the head, each other line a tool as `tools/list` has it.
The fast path, the SDK's server and the tool modes all ask here.
"""

import json
import os
from collections.abc import Container
from functools import cached_property, lru_cache
from typing import Any, Literal

from ...suggestions import MAX_NAME_LENGTH, suggest
from .toolsets import Domains, selected_domains

FILE = os.path.join(os.path.dirname(__file__), "manifest.jsonl")
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The methods that list what there is, and the field that holds it."""
MAX_SELECTIONS = 32
"""Number of toolset selections whose lists are cached."""
ONLY_READS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}

ToolMode = Literal["full", "search", "code"]
Definition = dict[str, Any]


class ListedTool:
    """A tool as the manifest has it: enough to choose it, to list it and to find its module."""

    def __init__(self, entry: dict[str, str], text: str) -> None:
        self.name = entry["name"]
        self.domain = entry["domain"]
        self.effect = entry["effect"]
        self.module = entry["module"]
        self.text = text
        """Its definition as JSON, as it is sent."""

    @cached_property
    def definition(self) -> Definition:
        """What `tools/list` says of it."""
        definition: Definition = json.loads(self.text)
        return definition

    @property
    def input_schema(self) -> dict[str, Any]:
        """How its arguments are described."""
        schema: dict[str, Any] = self.definition["inputSchema"]
        return schema

    @property
    def description(self) -> str:
        """What a model reads of it."""
        description: str = self.definition["description"]
        return description


class Offer:
    """The tools that may be called, and what is listed because of them, in one tool mode."""

    def __init__(
        self, head: dict[str, Any], tools: dict[str, ListedTool], mode: ToolMode = "full"
    ) -> None:
        self._head = head
        self.tools = tools
        self.mode: ToolMode = mode
        self._for_domains = lru_cache(maxsize=MAX_SELECTIONS)(self._limited_to_domains)

    @classmethod
    def load(cls) -> "Offer":
        """Everything there is, from the file beside this one."""
        with open(FILE, encoding="utf-8") as file:
            head, *lines = file.read().splitlines()
        return cls.of(json.loads(head), lines)

    @classmethod
    def of(cls, head: dict[str, Any], lines: list[str]) -> "Offer":
        """Everything that a manifest holds."""
        tools = [ListedTool(entry, text) for entry, text in zip(head["tools"], lines, strict=True)]
        return cls(head, {tool.name: tool for tool in tools})

    def differences(self, other: "Offer") -> list[str]:
        """What the two describe differently: the names of tools, and fields of the head."""
        texts = {name: tool.text for name, tool in self.tools.items()}
        others = {name: tool.text for name, tool in other.tools.items()}
        fields = ("instructions", "modes", "prompts", "resources", "resourceTemplates", "tools")
        return [
            *sorted(n for n in texts.keys() | others.keys() if texts.get(n) != others.get(n)),
            *(f for f in fields if _compact(self._head[f]) != _compact(other._head[f])),
        ]

    def with_modern_fields(self, fields: dict[str, dict[str, Any]]) -> "Offer":
        """The same, with what the SDK adds to results since revision 2026-07-28."""
        return Offer({**self._head, "modern": fields}, self.tools, self.mode)

    def manifest(self) -> str:
        """The text of the file."""
        return "\n".join([_compact(self._head), *(t.text for t in self.tools.values())]) + "\n"

    def in_mode(self, mode: ToolMode) -> "Offer":
        """The same tools, listed as this mode lists them."""
        return Offer(self._head, self.tools, mode)

    def limited_to(self, names: Container[str]) -> "Offer":
        """What is left where only these tools are offered."""
        tools = {name: tool for name, tool in self.tools.items() if name in names}
        return Offer(self._head, tools, self.mode)

    @property
    def current(self) -> "Offer":
        """What is offered to the request being served."""
        domains = selected_domains()
        return self if domains is None else self._for_domains(domains)

    def _limited_to_domains(self, domains: Domains) -> "Offer":
        return self.limited_to({t.name for t in self.tools.values() if t.domain in domains})

    @cached_property
    def announcement(self) -> dict[str, Any]:
        """What `initialize` and `server/discover` both say."""
        capabilities: dict[str, Any] = dict(self._head["capabilities"])
        if not self.definitions("prompts"):
            del capabilities["prompts"]
        instructions = self._mode["instructions"] + self._head["instructions"]
        return {"capabilities": capabilities, "instructions": instructions}

    @property
    def server_info(self) -> dict[str, Any]:
        """Name and version."""
        info: dict[str, Any] = self._head["serverInfo"]
        return info

    @property
    def modern_fields(self) -> dict[str, dict[str, Any]]:
        """What results hold in addition since revision 2026-07-28: of discover, list, call."""
        fields: dict[str, dict[str, Any]] = self._head["modern"]
        return fields

    @cached_property
    def lists(self) -> dict[str, bytes]:
        """The result of each listing method up to revision 2025-11-25, as JSON without braces."""
        return {method: self._list(field).encode() for method, field in LISTS.items()}

    def definitions(self, field: str) -> list[Definition]:
        """What is offered of prompts, resources or templates: what needs no tool that is not."""
        entries = self._head[field]
        return [e["definition"] for e in entries if self.tools.keys() >= {*e["needs"]}]

    @cached_property
    def mode_tools(self) -> dict[str, Definition]:
        """The tools that the mode adds, by name: they find, describe and call the others."""
        return {entry["name"]: self._mode_tool(entry) for entry in self._mode["tools"]}

    def unknown_tool(self, name: str) -> str:
        """What to say about a name that is not offered: the nearest names, or where to look."""
        hint = suggest(name, [*self.mode_tools, *self.tools], limit=3, cutoff=0.5)
        advice = hint[:1].upper() + hint[1:] if hint else self._mode["finds_tools"]
        return f"There is no tool {name[:MAX_NAME_LENGTH]!r}. {advice}"

    def _list(self, field: str) -> str:
        if field != "tools":
            return f'"{field}":{_compact(self.definitions(field))}'
        names = self._mode["listed"]
        listed = [t.text for n, t in self.tools.items() if names is None or n in names]
        return f'"tools":[{",".join([*listed, *map(_compact, self.mode_tools.values())])}]'

    def _mode_tool(self, entry: dict[str, Any]) -> Definition:
        """A tool of the mode; one that calls others does nothing worse than the worst of them."""
        definition: Definition = entry["definition"]
        if entry["calls_tools"] and all(t.effect == "read" for t in self.tools.values()):
            annotations = {**definition["annotations"], **ONLY_READS}
            return {**definition, "annotations": annotations}
        return definition

    @property
    def _mode(self) -> dict[str, Any]:
        mode: dict[str, Any] = self._head["modes"][self.mode]
        return mode


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
