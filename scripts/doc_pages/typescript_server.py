"""The generated parts of docs/typescript-server.md: what only one of the two servers has.

What the TypeScript server has is in tests/facts/typescript_tools.json, and its settings are here.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from portkey_admin_mcp.domains import LEGACY_ALIASES
from portkey_admin_mcp.models.core.base import Unsent, unsent
from portkey_admin_mcp.portkey.catalog import Tool
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.settings.environment import variable_names
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings

SAME_SETTINGS = (
    "ALLOWED_ORIGINS", "CLERK_ALLOWED_ORGANIZATION_IDS", "CLERK_ALLOWED_ROLES",
    "CLERK_ALLOWED_SUBJECTS", "CLERK_AUDIENCE", "CLERK_ISSUER", "CLERK_REQUIRED_PERMISSIONS",
    "LOG_LEVEL", "MCP_ALLOW_UNAUTHENTICATED_HTTP", "MCP_AUTH_MODE", "MCP_AUTH_TOKEN",
    "MCP_EVENT_ENCRYPTION_KEY", "MCP_EVENT_STORE", "MCP_EVENT_STORE_COMMAND_TIMEOUT_MS",
    "MCP_EVENT_TTL_SECONDS", "MCP_HOST", "MCP_MAX_SESSIONS", "MCP_PORT", "MCP_PUBLIC_BASE_URL",
    "MCP_READY_CHECK_MODE", "MCP_REDIS_KEY_PREFIX", "MCP_REDIS_URL", "MCP_SESSION_MODE",
    "MCP_SESSION_TIMEOUT", "MCP_SHUTDOWN_TIMEOUT_MS", "MCP_TLS_CA_PATH", "MCP_TLS_CERT_PATH",
    "MCP_TLS_KEY_PATH", "MCP_TRANSPORT", "PORT", "PORTKEY_ALLOW_INSECURE_HTTP",
    "PORTKEY_ALLOW_PRIVATE_BASE_URL", "PORTKEY_API_KEY", "PORTKEY_BASE_URL",
    "PORTKEY_TOOL_DOMAINS", "RATE_LIMIT_ENABLED", "RATE_LIMIT_STORE", "RATE_LIMIT_WINDOW_MS",
    "REDIS_URL",
)  # fmt: skip
"""Variables of the TypeScript server that mean the same here."""
OTHER_SETTINGS = {
    "MCP_TRUST_PROXY": "a number of hops or a word there; here the addresses of the proxies, "
    "such as `10.0.0.0/8`",
    "MCP_EVENT_STORE_MAX_BYTES": "`MCP_EVENT_MAX_BYTES`",
    "MCP_EVENT_STORE_MAX_EVENTS": "none: bytes are counted",
    "MCP_MAX_REQUEST_SIZE": "`MCP_MAX_BODY_BYTES`, a number of bytes",
    "MCP_TOOL_DOMAINS": "`PORTKEY_TOOL_DOMAINS`",
    "CORS_ORIGIN": "`ALLOWED_ORIGINS`",
    "CLERK_JWKS_URL": "none: the keys are found through the issuer",
    "RATE_LIMIT_MAX": "`RATE_LIMIT_MAX_REQUESTS`",
    "RATE_LIMIT_MAX_BUCKETS": "none",
    "RATE_LIMIT_REDIS_URL": "`MCP_REDIS_URL`, for events and limits",
    "RATE_LIMIT_REDIS_KEY_PREFIX": "`MCP_REDIS_KEY_PREFIX`",
    "RATE_LIMIT_SINGLE_PROCESS": "none: set `RATE_LIMIT_STORE=redis` for several instances",
}
"""Variables of the TypeScript server with another name or form here, or none."""


def typescript_page(docs: Path, tools: list[Tool], facts: Path) -> str:
    """The page with the parts between its marks replaced.

    Raises ValueError if a variable is not as this file says.
    """
    text = (docs / "typescript-server.md").read_text(encoding="utf-8")
    theirs = json.loads(facts.read_text(encoding="utf-8"))["tools"]
    parts = {
        "arguments": arguments_part(tools),
        "tools": tools_part([tool for tool in tools if tool.name not in theirs]),
        "settings": settings_part(),
    }
    for name, part in parts.items():
        start, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- /{name} -->\n"
        head, _, rest = text.partition(start)
        text = f"{head}{start}{part}\n{end}{rest.partition(end)[2]}"
    return text


def tools_part(tools: list[Tool]) -> str:
    """What tools do, a row each."""
    rows = [
        f"| [{tool.name}](tools/{tool.domain}.md#{tool.name}) | {first_line} |"
        for tool in tools
        for first_line in tool.description.splitlines()[:1]
    ]
    return "\n".join(["| tool | does |\n|---|---|", *rows])


def arguments_part(tools: list[Tool]) -> str:
    """The arguments that are accepted and not sent, and the other names of domains."""
    rows = [
        f"| `{tool.name}` | {', '.join(f'`{name}`' for name in names)} |"
        for tool in tools
        if (names := sorted(set(ignored(arguments_model(tool)))))
    ]
    aliases = [
        f"| `{name}` | {', '.join(f'`{domain}`' for domain in domains)} |"
        for name, domains in LEGACY_ALIASES.items()
    ]
    return "\n".join(
        [
            "Arguments that are accepted and not sent, because Portkey has no such field; the "
            "answer says so ([also those inside objects](switches.md#unsent)):\n",
            "| tool | arguments |\n|---|---|",
            *rows,
            "\nNames of domains there, and the domains here:\n",
            "| there | here |\n|---|---|",
            *aliases,
        ]
    )


def ignored(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The names of arguments that are not sent, also inside objects."""
    for name, field in model.model_fields.items():
        if unsent(field) is Unsent.IGNORED:
            yield prefix + name


def settings_part() -> str:
    """The variables that mean the same, and those that do not."""
    known = {
        name
        for cls in (Settings, Hosting)
        for field in cls.model_fields.values()
        for name in variable_names(field)
    }
    if missing := set(SAME_SETTINGS) - known:
        raise ValueError(f"these variables are gone: {', '.join(sorted(missing))}")
    rows = [f"| `{name}` | {here} |" for name, here in OTHER_SETTINGS.items()]
    return "\n".join(
        [
            f"The same here: {', '.join(f'`{name}`' for name in SAME_SETTINGS)}.\n",
            "Different here:\n",
            "| there | here |\n|---|---|",
            *rows,
        ]
    )
