"""The offer: tools, prompts and resources, in the form in which they are listed.

Standard library only. `make docs` writes it from the tools to manifest.jsonl, so that a list can be
sent without importing a tool: the first line is the head, each other line the definition of a tool.
The fast path, the SDK's server and the tool modes all use it.
"""

import hashlib
import json
import os
from collections.abc import Container
from functools import cached_property, lru_cache
from typing import Any, Literal

from ...suggestions import MAX_NAME_LENGTH, suggest
from .toolsets import Domains, selected

FILE = os.path.join(os.path.dirname(__file__), "manifest.jsonl")
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The listing methods, and the field of each result that contains the list."""
SKILLS = "io.modelcontextprotocol/skills"
"""The extension by which skills are served; its methods are answered by `server/mcp/`."""
TOOLS_FOR_SKILLS = ("list_prompt_partials", "get_prompt_partial")
"""The tools that list and read what an organisation's own skills are made of."""
MAX_SELECTIONS = 32
"""Number of toolset selections whose lists are cached."""
CALL_TOOL = "call_tool"
"""The tool of search mode that calls others. Code never asks: nobody sees what it is about."""
ONLY_READS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}

ToolMode = Literal["full", "search", "code"]
Definition = dict[str, Any]


def called_tool(name: str, arguments: dict[str, Any]) -> str:
    """The tool that a call is about: of `call_tool` the one that it names, else its own."""
    inner = arguments.get("name")
    return inner if name == CALL_TOOL and isinstance(inner, str) else name


class ListedTool:
    """A tool in the manifest: its definition, its module, and the fields that select it."""

    def __init__(self, entry: dict[str, Any], text: str) -> None:
        self.name = entry["name"]
        self.domain = entry["domain"]
        self.effect = entry["effect"]
        self.module = entry["module"]
        self.may_be_high_risk = entry.get("may_be_high_risk", False)
        """Whether some call of it has a high risk, so that a person may be asked."""
        self.is_organisation = entry.get("is_organisation", False)
        """Whether it is about the whole organisation, so that no bound on workspaces allows it."""
        self.reports_progress = entry.get("reports_progress", False)
        """Whether a call of it says how far it is, to a client that asks for that."""
        self.text = text
        """Its definition as JSON, as it is sent."""

    @cached_property
    def definition(self) -> Definition:
        """Its decoded definition, as in `tools/list`."""
        definition: Definition = json.loads(self.text)
        return definition

    @property
    def summary(self) -> str:
        """The first sentence of its description, in one line, without the full stop."""
        return " ".join(self.description.split()).partition(". ")[0].rstrip(".")

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        schema: dict[str, Any] = self.definition["inputSchema"]
        return schema

    @property
    def description(self) -> str:
        """Its description for the model."""
        description: str = self.definition["description"]
        return description


class Offer:
    """The tools that may be called, and the lists that result from them, in one tool mode."""

    def __init__(
        self, head: dict[str, Any], tools: dict[str, ListedTool], mode: ToolMode = "full"
    ) -> None:
        self._head = head
        self.tools = tools
        self.mode: ToolMode = mode
        self._for_selection = lru_cache(maxsize=MAX_SELECTIONS)(self._selected)

    @classmethod
    def load(cls) -> "Offer":
        """The full offer, from the manifest beside this file."""
        with open(FILE, encoding="utf-8") as file:
            head, *lines = file.read().splitlines()
        return cls.of(json.loads(head), lines)

    @classmethod
    def of(cls, head: dict[str, Any], lines: list[str]) -> "Offer":
        """The offer in the lines of a manifest."""
        tools = [ListedTool(entry, text) for entry, text in zip(head["tools"], lines, strict=True)]
        return cls(head, {tool.name: tool for tool in tools})

    def differences(self, other: "Offer") -> list[str]:
        """The names of tools and the fields of the head in which the two differ."""
        texts = {name: tool.text for name, tool in self.tools.items()}
        others = {name: tool.text for name, tool in other.tools.items()}
        fields = ("instructions", "modes", "prompts", "resources", "resourceTemplates", "tools")
        return [
            *sorted(n for n in texts.keys() | others.keys() if texts.get(n) != others.get(n)),
            *(f for f in fields if _compact(self._head[f]) != _compact(other._head[f])),
        ]

    def with_modern_fields(self, fields: dict[str, dict[str, Any]]) -> "Offer":
        """The same offer, with the fields that results have only since revision 2026-07-28."""
        return Offer({**self._head, "modern": fields}, self.tools, self.mode)

    def manifest(self) -> str:
        """The text of the file."""
        return "\n".join([_compact(self._head), *(t.text for t in self.tools.values())]) + "\n"

    def in_mode(self, mode: ToolMode) -> "Offer":
        """The same tools, listed in another mode."""
        return Offer(self._head, self.tools, mode)

    def limited_to(self, names: Container[str]) -> "Offer":
        """The offer, limited to these tools."""
        tools = {name: tool for name, tool in self.tools.items() if name in names}
        return Offer(self._head, tools, self.mode)

    @property
    def current(self) -> "Offer":
        """The offer for the current request, limited to what it selects."""
        selection = selected()
        if selection is None:
            return self
        return self._for_selection(
            selection.domains, selection.read_only, bool(selection.workspaces)
        )

    def _selected(self, domains: Domains | None, read_only: bool, is_bound: bool) -> "Offer":
        return self.limited_to(
            {
                tool.name
                for tool in self.tools.values()
                if (domains is None or tool.domain in domains)
                and (not read_only or tool.effect == "read")
                and not (is_bound and tool.is_organisation)
            }
        )

    @cached_property
    def announcement(self) -> dict[str, Any]:
        """The fields that the results of `initialize` and `server/discover` share."""
        capabilities: dict[str, Any] = dict(self._head["capabilities"])
        if not self.definitions("prompts"):
            del capabilities["prompts"]
            # Skills are made of prompts, and of the partials that an organisation keeps.
            if not self.tools.keys() >= {*TOOLS_FOR_SKILLS}:
                capabilities.pop("extensions", None)
        instructions = self._mode["instructions"] + self._head["instructions"]
        return {"capabilities": capabilities, "instructions": instructions}

    @property
    def server_info(self) -> dict[str, Any]:
        """Name and version."""
        info: dict[str, Any] = self._head["serverInfo"]
        return info

    @property
    def modern_fields(self) -> dict[str, dict[str, Any]]:
        """The fields that results have only since revision 2026-07-28: of discover, list, call."""
        fields: dict[str, dict[str, Any]] = self._head["modern"]
        return fields

    @cached_property
    def lists(self) -> dict[str, bytes]:
        """The result of each listing method up to revision 2025-11-25, as JSON without braces."""
        return {method: self._list(field).encode() for method, field in LISTS.items()}

    def definitions(self, field: str) -> list[Definition]:
        """The prompts, resources or templates of which all needed tools are offered."""
        entries = self._head[field]
        return [e["definition"] for e in entries if self.tools.keys() >= {*e["needs"]}]

    @cached_property
    def mode_tools(self) -> dict[str, Definition]:
        """The tools that the mode adds, by name: they find, describe and call the others."""
        return {entry["name"]: self._mode_tool(entry) for entry in self._mode["tools"]}

    def unknown_tool(self, name: str) -> str:
        """The message for an unknown name: the nearest names, or how to find tools."""
        hint = suggest(name, [*self.mode_tools, *self.tools], limit=3, cutoff=0.5)
        advice = hint[:1].upper() + hint[1:] if hint else self._mode["finds_tools"]
        return f"There is no tool {name[:MAX_NAME_LENGTH]!r}. {advice}"

    @cached_property
    def digest(self) -> str:
        """A hash of what `tools/list` answers, whatever the order of tools and fields.

        `sha256:` and 64 hexadecimal digits. A client that has pinned it notices any change.
        """
        listed = json.loads(b"{%b}" % self.lists["tools/list"])["tools"]
        lines = sorted(json.dumps(tool, sort_keys=True, ensure_ascii=False) for tool in listed)
        return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"

    @property
    def mode_class(self) -> str:
        """The class of the mode: `module:name`."""
        name: str = self._mode["class"]
        return name

    def _list(self, field: str) -> str:
        if field != "tools":
            return f'"{field}":{_compact(self.definitions(field))}'
        names = self._mode["listed"]
        listed = [t.text for n, t in self.tools.items() if names is None or n in names]
        return f'"tools":[{",".join([*listed, *map(_compact, self.mode_tools.values())])}]'

    def _mode_tool(self, entry: dict[str, Any]) -> Definition:
        """A tool of the mode; one that calls others is read-only if all of them are."""
        definition: Definition = entry["definition"]
        if entry["names_tools"]:
            description = f"{definition['description']}\n\n{self._names_by_domain()}"
            definition = {**definition, "description": description}
        if entry["calls_tools"] and all(t.effect == "read" for t in self.tools.values()):
            annotations = {**definition["annotations"], **ONLY_READS}
            return {**definition, "annotations": annotations}
        return definition

    def _names_by_domain(self) -> str:
        """A line for each domain, with the verbs of a noun joined.

        `collections: list_collections, create|get|update|delete_collection`
        """
        domains: dict[str, dict[str, list[str]]] = {}
        for tool in self.tools.values():
            verb, _, noun = tool.name.partition("_")
            domains.setdefault(tool.domain, {}).setdefault(noun, []).append(verb)
        lines = []
        for domain, nouns in domains.items():
            names = ("_".join(filter(None, ["|".join(v), noun])) for noun, v in nouns.items())
            lines.append(f"{domain}: {', '.join(names)}")
        return "\n".join(lines)

    @property
    def _mode(self) -> dict[str, Any]:
        mode: dict[str, Any] = self._head["modes"][self.mode]
        return mode


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
