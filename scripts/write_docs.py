"""Generate docs/tools, docs/settings.md, docs/coverage.md, and tables in other pages.

`make docs` writes them. With --check nothing is written, and the exit code is 1 if any differs.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from doc_pages.error_page import error_page
from doc_pages.recipe_pages import recipe_pages
from doc_pages.recipe_runner import RecipeFailed
from doc_pages.typescript_server import typescript_page
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic.types import PathType

from portkey_admin_mcp.cli.agents import AGENT_SIGNS
from portkey_admin_mcp.cli.exit_codes import KINDS
from portkey_admin_mcp.domains import TOOLSETS
from portkey_admin_mcp.emulator.core import app as _emulator  # noqa: F401  # fills ROUTES
from portkey_admin_mcp.emulator.core.routing import ROUTES
from portkey_admin_mcp.portkey.catalog import Tool, tools_in
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.schema import input_schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.environment import EnvironmentSettings, variable_names
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools import domain_modules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "portkey_admin_mcp"
FACTS = ROOT / "tests" / "facts" / "openapi.json"
TYPESCRIPT = ROOT / "tests" / "facts" / "typescript_tools.json"
BEYOND = ROOT / "tests" / "facts" / "beyond_openapi.json"
TYPE_NAMES: dict[Any, str] = {
    bool: "`true` \\| `false`",
    int: "whole number",
    str: "text",
    SecretStr: "text, secret",
    Path: "path",
    tuple: "list, comma-separated",
    dict: "JSON object",
}
EFFECTS = {
    "read": "reads",
    "create": "creates",
    "overwrite": "**changes**",
    "delete": "**deletes**",
}
NOTE = "<!-- Written by `make docs`; change the code instead. -->\n"


def main() -> int:
    """Write every page that differs, and delete those of domains that are gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if a page differs"
    )
    check = parser.parse_args().check
    try:
        texts = {(DOCS / name).resolve(): text for name, text in pages().items()}
    except RecipeFailed as error:
        print(error)
        return 1
    folders = (DOCS / "tools", DOCS / "recipes")
    files = texts.keys() | {file for folder in folders for file in folder.glob("*.md")}
    stale = [file for file in sorted(files) if current_text(file) != texts.get(file)]
    for file in stale:
        print(f"{'stale' if check else 'written'}: {file.relative_to(ROOT)}")
        if not check and file in texts:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(texts[file], encoding="utf-8")
        elif not check:
            file.unlink()
    return 1 if check and stale else 0


def current_text(file: Path) -> str | None:
    """The text of a file; None if it does not exist."""
    return file.read_text(encoding="utf-8") if file.exists() else None


def pages() -> dict[str, str]:
    """Every generated page by its path under docs."""
    domains: dict[str, list[Tool]] = defaultdict(list)
    for tool in all_tools():
        domains[tool.domain].append(tool)
    return {
        **{f"tools/{domain}.md": domain_page(domain, tools) for domain, tools in domains.items()},
        "tools/README.md": index_page(domains),
        "settings.md": settings_page(),
        "../README.md": readme(domains),
        "command-line.md": command_line_page(),
        "coverage.md": coverage_page(),
        "typescript-server.md": typescript_page(DOCS, all_tools(), TYPESCRIPT),
        "troubleshooting.md": error_page(PACKAGE, DOCS / "troubleshooting.yaml", NOTE),
        **recipe_pages(DOCS / "recipes", NOTE),
    }


def readme(domains: dict[str, list[Tool]]) -> str:
    """The README, with its table of domains replaced."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- domains: written by `make docs` -->\n")
    _, mark, tail = rest.partition("<!-- /domains -->\n")
    count = sum(map(len, domains.values()))
    table = [
        f"[{count} tools in {len(domains)} domains](docs/tools/README.md), each with its endpoint, "
        "scope and",
        "arguments:\n",
        "| domain | tools | |",
        "|---|---|---|",
        *(
            f"| [{name}](docs/tools/{name}.md) | {len(tools)} | {TOOLSETS[name]} |"
            for name, tools in domains.items()
        ),
        "",
    ]
    start = "<!-- domains: written by `make docs` -->\n"
    return head + start + "\n".join(table) + mark + tail


def command_line_page() -> str:
    """The page of the command line, with its tables of exit codes and of agents replaced."""
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    codes = ["| code | kind | |", "|---|---|---|"]
    codes += [f"| {kind.exit_code} | `{kind.name}` | {kind.meaning} |" for kind in KINDS]
    agents = ["| variable | program | where that is said |", "|---|---|---|"]
    agents += [f"| `{sign.variable}` | {sign.program} | {sign.source} |" for sign in AGENT_SIGNS]
    return replaced(replaced(text, "exit codes", codes), "agents", agents)


def replaced(text: str, name: str, lines: list[str]) -> str:
    """A text with these lines between the marks of a generated part."""
    start, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- /{name} -->\n"
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    return "".join([head, start, *(f"{line}\n" for line in lines), end, tail])


def index_page(domains: dict[str, list[Tool]]) -> str:
    """All tools in one table a domain."""
    parts = [NOTE, "# Tools\n"]
    for domain, tools in domains.items():
        parts += [f"## [{domain}]({domain}.md)\n", "| tool | does |\n|---|---|"]
        parts += [
            f"| [{t.name}]({domain}.md#{t.name}) | {t.description.splitlines()[0]} |" for t in tools
        ]
        parts.append("")
    return "\n".join(parts)


def domain_page(domain: str, tools: list[Tool]) -> str:
    """One section per tool, in the order of the source."""
    return "\n".join([NOTE, f"# {domain}\n", *map(section, tools)])


def section(tool: Tool) -> str:
    """A tool's description, endpoints, effect, scopes, plan and arguments."""
    needed = [endpoint for endpoint in tool.endpoints if endpoint not in tool.optional]
    endpoints = ", then ".join(f"`{endpoint}`" for endpoint in needed)
    if tool.optional:
        optional = ", ".join(f"`{endpoint}`" for endpoint in tool.optional)
        endpoints = f"{endpoints}; if needed {optional}" if needed else f"If permitted {optional}"
    plan = " · Enterprise plan" if tool.enterprise else ""
    needs = f" · needs {scopes(tool)}" if tool.scopes else ""
    facts = f"{endpoints} · {EFFECTS[tool.effect]}{needs}{plan}"
    if tool.unconfirmed:
        facts += f"\n\n*Unconfirmed.* {tool.unconfirmed}"
    return f"## {tool.name}\n\n{tool.description}\n\n{facts}\n\n{arguments(tool)}"


def scopes(tool: Tool) -> str:
    """The scopes, as code."""
    return re.sub(r"[a-z_]+\.[a-z]+", lambda match: f"`{match[0]}`", tool.scopes_in_words)


def arguments(tool: Tool) -> str:
    """A table of the arguments; the fields of an object follow it."""
    rows = list(fields(input_schema(arguments_model(tool))))
    head = "| argument | type | |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n" if rows else "No arguments.\n"


def fields(schema: dict[str, Any], prefix: str = "") -> list[str]:
    """One row an argument; a field of an object, or of a list's items, is named with a dot."""
    rows = []
    for name, field in schema.get("properties", {}).items():
        required = "**required** " if name in schema.get("required", []) else ""
        description = required + field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {json_type(field)} | {description.strip()} |")
        inner = field.get("items", field)
        rows += fields(inner, f"{prefix}{name}{'[]' if 'items' in field else ''}.")
    return rows


def json_type(field: dict[str, Any]) -> str:
    """The type, format and bounds of a JSON Schema, in a few words."""
    if "enum" in field:
        return " \\| ".join(f"`{'null' if value is None else value}`" for value in field["enum"])
    types = field.get("type", "any")
    text = types if isinstance(types, str) else " or ".join(types)
    if "items" in field:
        text = text.replace("array", f"array of {json_type(field['items'])}")
    if "format" in field:
        text += f", {field['format']}"
    bounds = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "maxLength": "length ≤"}
    return text + "".join(f", {sign} {field[key]}" for key, sign in bounds.items() if key in field)


def settings_page() -> str:
    """The page of settings, from the fields of the settings classes."""
    return "\n".join(
        [
            NOTE,
            "# Settings\n",
            "Environment variables, read once, at start. An empty variable counts as not set. A",
            "wrong value ends the command with exit code 1 (`tools`, `describe`, `call`: 3) and a",
            "message that names the variable, the problem, and a correct value. Some variables are",
            "also set by other programs; their rows say which values are ignored with a warning.",
            "A `.env` file is read only if `--env-file FILE` names it. The environment wins over",
            "it. `portkey-admin-mcp doctor --setting NAME` prints the description of a setting.\n",
            *variables(Settings),
            "",
            "Calls to Portkey also use the proxy that the usual `HTTPS_PROXY`, `HTTP_PROXY`,",
            "`ALL_PROXY` and `NO_PROXY` name.",
            "",
            "## Changes\n",
            "What a person is asked, what is allowed, and what is kept on record.\n",
            *variables(SafetySettings),
            "",
            "## The HTTP service\n",
            "Read by `portkey-admin-mcp http` only, in addition to those above.",
            "[How to deploy it](deploy/README.md).\n",
            *variables(Hosting),
            "",
        ]
    )


def variables(cls: type[EnvironmentSettings]) -> list[str]:
    """A table of one class of settings."""
    return [
        "| variable | value | default | description |",
        "|---|---|---|---|",
        *(
            f"| {names(field)} | {value(field)} | {default(field.default)} | {field.description} |"
            for field in cls.model_fields.values()
        ),
    ]


def value(field: FieldInfo) -> str:
    """The possible values of a setting: its choices, or its type with bounds."""
    types = [arg for arg in get_args(field.annotation) if arg is not NoneType]
    if get_origin(field.annotation) is Literal:
        return " \\| ".join(f"`{choice}`" for choice in types)
    metadata = [*field.metadata, *(m for arg in types for m in getattr(arg, "__metadata__", ()))]
    if paths := [m.path_type for m in metadata if isinstance(m, PathType)]:
        return {"file": "path of a file", "dir": "path of a directory"}[paths[0]]
    python_type = get_origin(field.annotation) or field.annotation
    python_type = types[0] if python_type is UnionType else python_type
    signs = {Ge: "≥", Le: "≤"}
    bounds = [
        f"{signs[type(m)]} {getattr(m, type(m).__name__.lower())}"
        for m in metadata
        if type(m) in signs
    ]
    return ", ".join([TYPE_NAMES[python_type], *bounds])


def names(field: FieldInfo) -> str:
    """The variables a setting is read from; the first that is set wins."""
    return ", ".join(f"`{name}`" for name in variable_names(field))


def default(value: Any) -> str:
    """A default value, as it is written in the environment; a dash for none."""
    if value is None or value in ((), {}):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def coverage_page() -> str:
    """Each operation with its tools, whether the emulator has it, and its scopes and plan."""
    operations = json.loads(FACTS.read_text(encoding="utf-8"))["operations"]
    beyond = json.loads(BEYOND.read_text(encoding="utf-8"))["operations"]
    by_shape: dict[str, list[Tool]] = defaultdict(list)
    for tool in all_tools():
        for endpoint in tool.endpoints:
            by_shape[shape(endpoint)].append(tool)
    # Scopes and plan come from the declarations, some of which are only part of a workflow.
    declared = {
        shape(part.endpoints[0]): part for part in tools_in(domain_modules()) if part.endpoints
    }
    emulated = {shape(endpoint) for endpoint in ROUTES}
    reached = sum(shape(name) in by_shape for name in operations)
    head = "| operation | tool | emulator | scope | plan |\n|---|---|---|---|---|"

    def row(name: str) -> str:
        tools = by_shape.get(shape(name), [])
        declaration = declared.get(shape(name))
        names = ", ".join(dict.fromkeys(f"`{tool.name}`" for tool in tools)) or "–"
        scope = declaration.scopes_in_words if declaration and declaration.scopes else "–"
        plan = "Enterprise" if declaration and declaration.enterprise else "all"
        is_emulated = "yes" if shape(name) in emulated else "no"
        return f"| `{name}` | {names} | {is_emulated} | {scope} | {plan} |"

    return "\n".join(
        [
            NOTE,
            "# Coverage\n",
            f"{reached} of {len(operations)} administrative operations in Portkey's OpenAPI file",
            f"of 2026-06-12 have a tool, and {len(beyond)} that the file lacks.\n",
            "## In the OpenAPI file\n",
            head,
            *map(row, operations),
            "\n## Not in the OpenAPI file\n",
            "Known from Portkey's documentation, its changelog, or its other clients.\n",
            head,
            *map(row, beyond),
            "",
        ]
    )


def shape(endpoint: str) -> str:
    """An endpoint without the names of its placeholders."""
    return re.sub(r"\{[^}]+\}", "{}", endpoint)


if __name__ == "__main__":
    sys.exit(main())
