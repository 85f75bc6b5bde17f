"""Which objects name others, where they are read, and how a text names an object.

Previews of changes and `find_references` both read here; the domains narrow these lists to their
own objects with `Dependants.at`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .catalog import Dependants

API_KEYS = Dependants("API keys", "GET /api-keys", where="*")
WORKSPACES = Dependants("workspaces", "GET /admin/workspaces", where="*")
CONFIGS = Dependants(
    "configs",
    "GET /configs",
    where="*",
    content="GET /configs/{slug}",
    by_workspace=True,
)
PROMPTS = Dependants(
    "prompts",
    "GET /prompts",
    where="*",
    content="GET /prompts/{prompt_id}",
    by_workspace=True,
)
PROMPT_VERSIONS = PROMPTS.at("*", content="GET /prompts/{prompt_id}/versions")
PARTIALS = Dependants(
    "partials",
    "GET /prompts/partials",
    where="*",
    content="GET /prompts/partials/{prompt_partial_id}",
    by_workspace=True,
)
GUARDRAILS = Dependants(
    "guardrails",
    "GET /guardrails",
    where="*",
    content="GET /guardrails/{guardrail_id}",
    by_workspace=True,
)
GUARDRAILS_OF_ORGANISATION = GUARDRAILS.at("*", by_workspace=False, of_organisation=True)
PROVIDERS = Dependants("providers", "GET /providers", where="*", by_workspace=True)
VIRTUAL_KEYS = Dependants("virtual keys", "GET /virtual-keys", where="*", by_workspace=True)
INTEGRATIONS = Dependants(
    "integrations", "GET /integrations", where="*", content="GET /integrations/{slug}"
)
INTEGRATION_WORKSPACES = Dependants(
    "workspaces",
    "GET /integrations/{slug}/workspaces",
    unless="enabled=false",
    rows_in="workspaces",
)
INTEGRATION_MODELS = Dependants(
    "models", "GET /integrations/{slug}/models", unless="enabled=false", rows_in="models"
)
MCP_INTEGRATIONS = Dependants(
    "MCP integrations", "GET /mcp-integrations", where="*", content="GET /mcp-integrations/{id}"
)
MCP_INTEGRATION_WORKSPACES = Dependants(
    "workspaces",
    "GET /mcp-integrations/{id}/workspaces",
    unless="enabled=false",
    rows_in="workspaces",
)
MCP_SERVERS = Dependants("MCP servers", "GET /mcp-servers", where="*", by_workspace=True)
COLLECTIONS = Dependants("collections", "GET /collections", where="*", by_workspace=True)
LABELS = Dependants("labels", "GET /labels", where="*", by_workspace=True)
USAGE_LIMITS = Dependants(
    "usage limits", "GET /policies/usage-limits", where="*", by_workspace=True
)
RATE_LIMITS = Dependants("rate limits", "GET /policies/rate-limits", where="*", by_workspace=True)
SECRET_REFERENCES = Dependants("secret references", "GET /secret-references", where="*")
DEPLOYMENTS = Dependants("deployments", "GET /v2/deployments", where="*", of_organisation=True)
DEFAULT_INPUT_GUARDRAILS = Dependants(
    "defaults of the organisation for requests",
    "GET /v2/admin/organisation/defaults",
    where="*",
    rows_in="input_guardrails",
    of_organisation=True,
)
DEFAULT_OUTPUT_GUARDRAILS = Dependants(
    "defaults of the organisation for answers",
    "GET /v2/admin/organisation/defaults",
    where="*",
    rows_in="output_guardrails",
    of_organisation=True,
)
PARTIAL = re.compile(r"\{\{>\s*([\w-]+)(?:@[\w-]+)?\s*\}\}")
"""A template that includes a partial, maybe one version of it."""


def texts_in(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a JSON value with its dotted path; a text that is JSON is read as such."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from texts_in(value, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts_in(value, f"{path}.{index}" if path else str(index))
    elif isinstance(node, str):
        inner = _json_in(node)
        if inner is None:
            yield path, node
        else:
            yield from texts_in(inner, path)


def names_one_of(text: str, names: Iterable[str]) -> bool:
    """Whether a text is a name, `@name`, `@name/model`, or a template that includes a partial."""
    names = frozenset(names)
    if text in names or (text.startswith("@") and text[1:].partition("/")[0] in names):
        return True
    return any(name in names for name in PARTIAL.findall(text))


def _json_in(text: str) -> Any:
    """The object or list that a text holds as JSON; None if it holds none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
