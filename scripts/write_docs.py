"""Write the pages that the code already says: docs/tools, docs/settings.md, docs/coverage.md.

`make docs` writes them; with --check nothing is written, and the exit code says if any differs.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from portkey_admin_mcp.domains import DOMAINS
from portkey_admin_mcp.emulator.core import app as _emulator  # noqa: F401  # fills ROUTES
from portkey_admin_mcp.emulator.core.kernel import ROUTES
from portkey_admin_mcp.portkey.catalog import Tool, tools_in
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.schema import input_schema
from portkey_admin_mcp.server.mcp.app import all_tools
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings, variable_names
from portkey_admin_mcp.tools import domain_modules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FACTS = ROOT / "tests" / "facts" / "openapi.json"
BEYOND = ROOT / "tests" / "facts" / "beyond_openapi.json"
EFFECTS = {
    "read": "reads",
    "create": "creates",
    "overwrite": "**changes**",
    "delete": "**deletes**",
}
NOTE = "<!-- Written by `make docs`; change the code instead. -->\n"


def main() -> int:
    """Write every page, or say which is stale."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = asked.parse_args().check
    wanted = {(DOCS / name).resolve(): text for name, text in pages().items()}
    wanted_or_old = wanted.keys() | set((DOCS / "tools").glob("*.md"))
    stale = [page for page in sorted(wanted_or_old) if old(page) != wanted.get(page)]
    for page in stale:
        print(f"{'stale' if check else 'written'}: {page.relative_to(ROOT)}")
        if not check and page in wanted:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(wanted[page], encoding="utf-8")
        elif not check:
            page.unlink()
    return 1 if check and stale else 0


def old(page: Path) -> str | None:
    """What the page says now."""
    return page.read_text(encoding="utf-8") if page.exists() else None


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
        "coverage.md": coverage_page(),
    }


def readme(domains: dict[str, list[Tool]]) -> str:
    """The README with its table of domains as they are."""
    old = (ROOT / "README.md").read_text(encoding="utf-8")
    head, _, rest = old.partition("<!-- domains: written by `make docs` -->\n")
    _, mark, tail = rest.partition("<!-- /domains -->\n")
    count = sum(map(len, domains.values()))
    table = [
        f"[{count} tools in {len(domains)} domains](docs/tools/README.md), each with its endpoint, "
        "scope and",
        "arguments:\n",
        "| domain | tools | |",
        "|---|---|---|",
        *(
            f"| [{name}](docs/tools/{name}.md) | {len(tools)} | {DOMAINS[name]} |"
            for name, tools in domains.items()
        ),
        "",
    ]
    start = "<!-- domains: written by `make docs` -->\n"
    return head + start + "\n".join(table) + mark + tail


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
    """What a reader asks first: what, where, with which right, how dangerous, with what."""
    endpoints = ", then ".join(f"`{endpoint}`" for endpoint in tool.endpoints)
    plan = " · Enterprise plan" if tool.enterprise else ""
    needs = f" · needs {scopes(tool)}" if tool.scopes else ""
    facts = f"{endpoints} · {EFFECTS[tool.effect]}{needs}{plan}"
    if tool.unconfirmed:
        facts += f"\n\n*Unconfirmed.* {tool.unconfirmed}"
    return f"## {tool.name}\n\n{tool.description}\n\n{facts}\n\n{arguments(tool)}"


def scopes(tool: Tool) -> str:
    """The scopes, as code."""
    return re.sub(r"[a-z_]+\.[a-z]+", lambda found: f"`{found[0]}`", tool.scopes_in_words)


def arguments(tool: Tool) -> str:
    """The arguments as a table, parts of an object under it."""
    rows = list(fields(input_schema(arguments_model(tool))))
    head = "| argument | type | |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n" if rows else "No arguments.\n"


def fields(schema: dict[str, Any], prefix: str = "") -> list[str]:
    """One row an argument; a part of an object or of a list's items is named with a dot."""
    rows = []
    for name, field in schema.get("properties", {}).items():
        needed = "**required** " if name in schema.get("required", []) else ""
        told = needed + field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {kind(field)} | {told.strip()} |")
        inner = field.get("items", field)
        rows += fields(inner, f"{prefix}{name}{'[]' if 'items' in field else ''}.")
    return rows


def kind(field: dict[str, Any]) -> str:
    """A field's type and bounds in few words."""
    if "enum" in field:
        return " \\| ".join(f"`{'null' if value is None else value}`" for value in field["enum"])
    types = field.get("type", "any")
    text = types if isinstance(types, str) else " or ".join(types)
    if "items" in field:
        text = text.replace("array", f"array of {kind(field['items'])}")
    if "format" in field:
        text += f", {field['format']}"
    bounds = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "maxLength": "length ≤"}
    return text + "".join(f", {sign} {field[key]}" for key, sign in bounds.items() if key in field)


def settings_page() -> str:
    """Every variable that is read, from the fields that read them."""
    return "\n".join(
        [
            NOTE,
            "# Settings\n",
            "Read once, at start, from the environment. A wrong value ends the start with its",
            "name, what is wrong, and what to write. A `.env` file is read only when",
            "`--env-file FILE` names it; the environment wins over it.\n",
            *variables(Settings),
            "",
            "The usual `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured",
            "in calls to Portkey.",
            "",
            "## The hosted service\n",
            "Read by `portkey-admin-mcp http` only. [How to deploy it](deploy/README.md).\n",
            *variables(Hosting),
            "",
        ]
    )


def variables(kind: type[BaseSettings]) -> list[str]:
    """A table of one kind of settings."""
    return [
        "| variable | default | |",
        "|---|---|---|",
        *(
            f"| {names(field)} | {default(field.default)} | {field.description} |"
            for field in kind.model_fields.values()
        ),
    ]


def names(field: FieldInfo) -> str:
    """A setting's variables; the first that is set wins."""
    return ", ".join(f"`{name}`" for name in variable_names(field))


def default(value: Any) -> str:
    """A default as it would be written."""
    if value is None or value in ((), {}):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def coverage_page() -> str:
    """Each operation with its tool, what a key needs for it, and whether the emulator has it."""
    operations = json.loads(FACTS.read_text(encoding="utf-8"))["operations"]
    beyond = json.loads(BEYOND.read_text(encoding="utf-8"))["operations"]
    by_shape: dict[str, list[Tool]] = defaultdict(list)
    for tool in all_tools():
        for endpoint in tool.endpoints:
            by_shape[shape(endpoint)].append(tool)
    # What an operation needs is said where it is declared, also for those that are no tool alone.
    declared = {
        shape(part.endpoints[0]): part for part in tools_in(domain_modules()) if part.endpoints
    }
    emulated = {shape(endpoint) for endpoint in ROUTES}
    reached = sum(shape(name) in by_shape for name in operations)
    head = "| operation | tool | emulator | scope | plan |\n|---|---|---|---|---|"

    def row(name: str) -> str:
        tools = by_shape.get(shape(name), [])
        own = declared.get(shape(name))
        names = ", ".join(dict.fromkeys(f"`{tool.name}`" for tool in tools)) or "–"
        scope = own.scopes_in_words if own and own.scopes else "–"
        plan = "Enterprise" if own and own.enterprise else "all"
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
            "\n## Beyond it\n",
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
