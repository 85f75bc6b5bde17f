"""What a shell can complete: tools, their arguments, values of a list, and ids and slugs.

Ids and slugs come from Portkey or the sandbox, within two seconds, and are cached for a minute. An
error completes nothing, because it would stand in the middle of a prompt.
"""

import asyncio
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from ..errors import PortkeyAdminError
from .calls import CommandCalls

if TYPE_CHECKING:
    from ..server.calls.tool_calls import ToolCalls
    from ..server.offer.offer import ListedTool

Schema = Mapping[str, Any]
TIMEOUT_S = 2.0
"""Seconds that ids and slugs may take; a person waits."""
CACHE_S = 60.0
"""Seconds for which they are cached."""
NAMED_TOOL = re.compile(r"`(list_\w+)`")
SAFE = re.compile(r"[\w.@/+-]+", re.ASCII)
"""Values that are completed: a shell must not find a command in a name that somebody chose."""
WORKSPACE_NAMES = ("workspace_id", "workspace_slug")
ID_NAMES = re.compile(r"(.*_)?(id|slug)")


class Value(NamedTuple):
    """An id or a slug, and the name of its object."""

    text: str
    help: str


def tools_for(_context: click.Context, typed: str) -> list[CompletionItem]:
    """The tools whose names begin with the typed text."""
    from ..server.loading import load_offer

    return [
        CompletionItem(name, help=tool.summary)
        for name, tool in load_offer().tools.items()
        if name.startswith(typed)
    ]


def arguments_for(context: click.Context, typed: str) -> list[CompletionItem]:
    """The arguments of the tool on the command line that begin with the typed text."""
    from ..server.loading import load_offer

    tool = load_offer().tools.get(context.params.get("tool") or "")
    if tool is None:
        return []
    words = context.params.get("arguments") or ()
    if "=" not in typed:
        used = {word.partition("=")[0].rstrip(":") for word in words}
        return [item for item in _names(tool.input_schema, typed) if item.value[:-1] not in used]
    name, _, start = typed.partition("=")
    head, comma, last = start.rpartition(",")
    values = _values(context, tool, name, words)
    return [
        CompletionItem(f"{name}={head}{comma}{value.text}", help=value.help)
        for value in values
        if value.text.startswith(last) and SAFE.fullmatch(value.text)
    ]


def _names(schema: Schema, typed: str) -> Iterator[CompletionItem]:
    """The arguments, the required ones first; fields of an object once its name is typed."""
    parents, _, _last = typed.rpartition(".")
    node = _node(schema, parents)
    properties = node.get("properties", {})
    required = [*node.get("required", ())]
    for name in dict.fromkeys([*(r for r in required if r in properties), *properties]):
        field = properties[name]
        path = f"{parents}.{name}" if parents else name
        if not path.startswith(typed):
            continue
        has_fields = "properties" in field or "properties" in field.get("items", {})
        is_list = field.get("type") == "array"
        end = (".0." if is_list else ".") if has_fields else "="
        mark = "required. " if name in required else ""
        yield CompletionItem(f"{path}{end}", help=f"{mark}{field.get('description', '')}".strip())


def _node(schema: Schema, path: str) -> Schema:
    for part in filter(None, path.split(".")):
        inside = schema.get("items", {}) if part.isdecimal() else None
        schema = inside if inside is not None else schema.get("properties", {}).get(part, {})
    return schema


def _values(
    context: click.Context, tool: "ListedTool", name: str, words: tuple[str, ...]
) -> list[Value]:
    """The values that an argument can have, as far as they are known."""
    node = _node(tool.input_schema, name)
    node = node.get("items", node)
    if node.get("type") == "boolean":
        return [Value("true", ""), Value("false", "")]
    if choices := node.get("enum"):
        return [Value(str(choice), "") for choice in choices]
    if not ID_NAMES.fullmatch(name) and not NAMED_TOOL.search(node.get("description", "")):
        return []
    try:
        return _live(context, tool, name, node, words)
    except (PortkeyAdminError, click.ClickException, OSError, ValueError):
        return []


def _live(
    context: click.Context, tool: "ListedTool", name: str, node: Schema, words: tuple[str, ...]
) -> list[Value]:
    """Ids or slugs from Portkey or the sandbox, or those that were read within a minute."""
    options = context.params
    commands = CommandCalls(
        bool(options.get("sandbox")), options.get("env_file"), options.get("state")
    )
    source = _source(tool, name, node)
    listed = commands.calls.offer.tools.get(source)
    if listed is None or commands.may_confirm(listed):
        return []
    workspace = _workspace(words)
    settings = commands.settings
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    place = [settings.base_url, key, settings.sandbox, str(options.get("state"))]
    text = json.dumps([*place, source, name, workspace])
    cache = ValueCache(commands.state_dir, hashlib.sha256(text.encode()).hexdigest())
    values = cache.read()
    if values is None:
        with commands.closing():
            try:
                rows = commands.run(_rows(commands.calls, source, workspace))
            except TimeoutError:
                rows = []  # cached too, so that not every key that is pressed waits
        values = [*_values_of(rows, name)]
        cache.write(values)
    return values


def _source(tool: "ListedTool", name: str, node: Schema) -> str:
    """The tool that lists the values of an argument; empty if none is known."""
    if name in WORKSPACE_NAMES:
        return "list_workspaces"
    if described := NAMED_TOOL.search(node.get("description", "")):
        return described[1]
    from importlib import import_module

    from ..portkey.catalog import tool_of
    from ..server.calls.hints import lists_of

    declared = tool_of(getattr(import_module(f"portkey_admin_mcp.{tool.module}"), tool.name))
    is_in_path = any(f"{{{name}}}" in endpoint for endpoint in declared.endpoints)
    lists = lists_of(declared) if is_in_path else ()
    return lists[-1] if lists else ""


def _workspace(words: tuple[str, ...]) -> str:
    """The workspace that is on the command line; empty if none is."""
    pairs = (word.partition("=") for word in words)
    return next((value for name, _, value in pairs if name in WORKSPACE_NAMES), "")


async def _rows(calls: "ToolCalls", source: str, workspace: str) -> list[dict[str, Any]]:
    from ..server.calls.list_rows import rows_everywhere, rows_of

    properties = calls.offer.tools[source].input_schema.get("properties", {})
    argument = next((name for name in WORKSPACE_NAMES if name in properties), "")
    async with asyncio.timeout(TIMEOUT_S):
        if argument and workspace:
            return (await rows_of(calls, source, **{argument: workspace})).rows
        if argument == "workspace_id":
            return (await rows_everywhere(calls, source)).rows
        return (await rows_of(calls, source)).rows


def _values_of(rows: list[dict[str, Any]], name: str) -> Iterator[Value]:
    prefers_slug = name in WORKSPACE_NAMES or name.endswith("slug")
    fields = ("slug", "id") if prefers_slug else ("id", "slug")
    for row in rows:
        text = next((str(row[field]) for field in fields if row.get(field)), "")
        label = row.get("name") or row.get("email") or ""
        if text:
            yield Value(text, str(label))


class ValueCache:
    """Values in a private file of the state directory, for a minute."""

    def __init__(self, state_dir: Path, name: str) -> None:
        self._folder = state_dir / "completions"
        self._file = self._folder / f"{name}.json"

    def read(self) -> list[Value] | None:
        """The values; None if there are none, or they are too old."""
        try:
            if time.time() - self._file.stat().st_mtime > CACHE_S:
                return None
            return [Value(*each) for each in json.loads(self._file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return None

    def write(self, values: list[Value]) -> None:
        """Cache the values, and remove those that are too old."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._folder.glob("*.json"):
            if time.time() - file.stat().st_mtime > CACHE_S:
                file.unlink(missing_ok=True)
        descriptor, path = tempfile.mkstemp(dir=self._folder)  # 0600
        with open(descriptor, "w", encoding="utf-8") as new:
            json.dump(values, new)
        os.replace(path, self._file)
