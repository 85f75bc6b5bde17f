"""Hints for advice: the tools that list an id, and this server's names of Portkey's fields."""

import json
import re
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from ...domains import CHANGES
from ...errors import Forbidden, NotFound, PortkeyAdminError, Rejected
from ...models.core.icons import without_icon
from ...portkey.catalog import Tool, tools_in
from .arguments import arguments_model

PLACEHOLDER = re.compile(r"\{(\w+)\}")
SLUG = re.compile(r"[a-z0-9_-]+")
"""What ids and slugs consist of."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MAX_NAME_LENGTH = 100
NAMED_TOOL = re.compile(r"`(list_\w+)`")


@cache
def lists_of(tool: Tool) -> tuple[str, ...]:
    """The tools that list the objects which a tool names by their ids, the outermost first.

    Each lists what the path begins with, or what a write changes, or is named by the description
    of the argument. Without any, it lists the workspaces if the tool takes one, else it is the
    first list of its domain. A list is no help about itself.
    """
    paths = [endpoint.partition(" ")[2] for endpoint in tool.endpoints]
    path = next((each for each in paths if PLACEHOLDER.search(each)), "")
    fields = arguments_model(tool).model_fields
    listed = {e: t.name for t in _domain_tools(tool) for e in t.endpoints if e.startswith("GET ")}
    names = []
    for placeholder in PLACEHOLDER.finditer(path):
        field = fields.get(placeholder[1])
        described = NAMED_TOOL.search((field.description if field else "") or "")
        beginning = path[: placeholder.start()].rstrip("/")
        name = listed.get(f"GET {beginning}", "") or (described[1] if described else "")
        if not name and placeholder[1].startswith("workspace"):
            name = "list_workspaces"
        names += [name] if name.startswith("list_") else []
    if tool.effect in ("overwrite", "delete"):
        names += [name for name in [listed.get(f"GET {path}", "")] if name.startswith("list_")]
    names += _lists_of_arguments(tool, path)
    if not names and optional_workspace(tool):
        names = ["list_workspaces"]
    elif not names:
        names = [each for each in listed.values() if each.startswith("list_")][:1]
    return tuple(name for name in dict.fromkeys(names) if name != tool.name)


def _lists_of_arguments(tool: Tool, path: str) -> list[str]:
    """The tools that the descriptions of required ids name, which are sent beside the path."""
    fields = arguments_model(tool).model_fields
    ids = [f for n, f in fields.items() if n.endswith("_id") and f"{{{n}}}" not in path]
    matches = [NAMED_TOOL.search(f.description or "") for f in ids if f.is_required()]
    return [match[1] for match in matches if match]


def optional_workspace(tool: Tool) -> str:
    """The optional argument that names the workspace; empty if the tool has none."""
    fields = arguments_model(tool).model_fields
    names = ("workspace_id", "workspace_slug")
    return next((n for n in names if n in fields and not fields[n].is_required()), "")


def argument_hints(error: PortkeyAdminError, arguments: dict[str, Any]) -> list[str]:
    """Hints about the arguments of a call that failed: sentences, mostly none."""
    hints = (_workspace_name_hint(error, arguments), _organisation_hint(error, arguments))
    return [hint for hint in hints if hint]


def _workspace_name_hint(error: PortkeyAdminError, arguments: dict[str, Any]) -> str:
    """A hint if a workspace's name was given for its id or slug; else empty."""
    if not isinstance(error, Forbidden | NotFound):
        return ""
    for argument in ("workspace_id", "workspace_slug"):
        value = arguments.get(argument)
        if isinstance(value, str) and len(value) <= MAX_NAME_LENGTH and not SLUG.fullmatch(value):
            name = json.dumps(without_icon(value), ensure_ascii=False)
            return (
                f"{argument} is an id or a slug, and this looks like a name: list_workspaces with "
                f"name {name} tells the slug."
            )
    return ""


def _organisation_hint(error: PortkeyAdminError, arguments: dict[str, Any]) -> str:
    """Where the organisation's id is found, if it may be wrong; else empty."""
    value = arguments.get("organisation_id")
    if not isinstance(value, str) or not isinstance(error, Forbidden | NotFound | Rejected):
        return ""
    if isinstance(error, Rejected) and UUID.fullmatch(value):
        return ""
    return (
        "organisation_id is the UUID of the organisation, which every API key shows: list_api_keys "
        "with fields organisation_id."
    )


def _domain_tools(tool: Tool) -> list[Tool]:
    if tool.domain == CHANGES:
        return []
    module = import_module(f"portkey_admin_mcp.tools.{tool.domain}")
    return [each for each in tools_in([module]) if each.is_listed]


def renamed_fields(tool: Tool, message: str) -> str:
    """Which arguments are meant by Portkey's names in a message; empty if it names none."""
    model = arguments_model(tool)
    own = {*model.model_fields}
    arguments = {theirs: ours for theirs, ours in _wire_names(model).items() if theirs not in own}
    words = dict.fromkeys(re.findall(r"[A-Za-z_][\w.]*\w", message))
    matches = [(word, arguments[word]) for word in words if word in arguments]
    return "; ".join(f"{theirs} is the argument `{ours}`" for theirs, ours in matches)


def _wire_names(model: type[BaseModel]) -> dict[str, str]:
    """Portkey's names of the arguments: whole with dots, their last part, and in camel case."""
    names: dict[str, str] = {}
    for name, field in model.model_fields.items():
        alias: Any = field.serialization_alias or name
        camel = re.sub(r"_(\w)", lambda match: match[1].upper(), name)
        for theirs in (alias, alias.rpartition(".")[2], camel):
            if theirs != name:
                names.setdefault(theirs, name)
    return names
