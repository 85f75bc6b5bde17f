"""Messages of both generations, valid and not, to be sent to the fast path and to the SDK."""

import copy

from initialization import INITIALIZE, INITIALIZE_PARAMS
from portkey_admin_mcp.server.fastpath.requests import (
    CAPABILITIES_KEY,
    INFO_KEY,
    LEGACY_VERSIONS,
    MODERN_VERSION,
    VERSION_KEY,
)
from portkey_admin_mcp.server.offer.offer import LISTS

META = {
    VERSION_KEY: MODERN_VERSION,
    CAPABILITIES_KEY: {},
    INFO_KEY: INITIALIZE_PARAMS["clientInfo"],
}
WRONG = (None, 0, 1.5, True, "x", [], {}, [1], {"a": 1})
"""Values that are put in the place of others."""


def initialize(version=LEGACY_VERSIONS[-1], **more):
    params = INITIALIZE_PARAMS | {"protocolVersion": version, **more}
    return {**INITIALIZE, "id": "open", "params": params}


CALLS = [
    ("list_workspaces", {}),
    ("list_workspaces", {"page_size": 1, "fields": "*"}),
    ("list_workspaces", {"page_size": "2", "current_page": 1}),
    ("list_workspaces", {"page_size": 0}),
    ("list_workspaces", {"no_such": 1}),
    ("list_api_keys", {"format": "csv"}),
    ("list_all_users", {"role": "emperor"}),
    ("get_user", {}),
    ("get_user", {"user_id": "nobody"}),
    ("create_collection", {"name": "Grüße 🔬", "workspace_id": "nowhere"}),
    ("create_workspace", {"name": "New", "description": "ü\u2028"}),
    ("update_workspace", {"workspace_id": "x"}),
    ("create_config", {"name": "x", "config": {"cache": {"mode": "simple"}}, "retry_attempts": 1}),
    ("list_audit_logs", {}),
    ("validate_completion_metadata", {"client_id": "a", "app": "b", "env": "dev"}),
    ("render_prompt", {"prompt_id": "x", "variables": {}}),
    ("get_cost_analytics", {"time_of_generation_min": "2026-10-01T00:00:00Z",
                            "time_of_generation_max": "2026-11-03T00:00:00Z"}),
    ("no_such_tool", {}),
    ("list_workspace", {}),
    ("", {}),
]  # fmt: skip


SKILL = "skill://portkey-admin/audit-access/SKILL.md"


def requests(meta):
    """Plain requests: what the fast path is for, and what it leaves to the SDK."""
    params = {"_meta": meta} if meta else {}
    for method in (*LISTS, "ping", "server/discover", "logging/setLevel", "no/such", "tools/call"):
        yield {"method": method, "params": params}
        yield {"method": method, "params": {**params, "cursor": "x"}}
    if not meta:
        yield from ({"method": method} for method in (*LISTS, "ping"))
    for name, arguments in CALLS:
        yield {"method": "tools/call", "params": {**params, "name": name, "arguments": arguments}}
    yield {"method": "tools/call", "params": {**params, "name": "list_all_users"}}
    for name in ("audit_access", "no_such_prompt"):
        yield {"method": "prompts/get", "params": {**params, "name": name}}
    for uri in ("portkey://guides/errors", "portkey://no/such", SKILL, "skill://no/such"):
        yield {"method": "resources/read", "params": {**params, "uri": uri}}
        yield {"method": "skills/get", "params": {**params, "uri": uri}}
    yield {"method": "skills/list", "params": params}
    for token in (1, "a", 1.5, True, None, {}):
        with_token = {**meta, "progressToken": token}
        yield {"method": "tools/list", "params": {"_meta": with_token}}
        yield call_of("list_all_users", with_token)


def call_of(name, meta):
    return {"method": "tools/call", "params": {"name": name, "arguments": {}, "_meta": meta}}


def mutants(message):
    """A message with one thing wrong: each value replaced, each field left out or added."""
    for path in paths(message):
        for value in WRONG:
            yield changed(message, path, value)
        yield changed(message, path, ...)
    yield {**message, "extra": 1}
    yield changed(message, ("params",), {**message["params"], "extra": 1})


def paths(value, before=()):
    for name, inner in value.items():
        if (*before, name) not in (("id",), ("jsonrpc",)):
            yield (*before, name)
        if isinstance(inner, dict):
            yield from paths(inner, (*before, name))


def changed(message, path, value):
    result = copy.deepcopy(message)
    place = result
    for name in path[:-1]:
        place = place[name]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


def numbered(messages):
    return [{"jsonrpc": "2.0", "id": number, **m} for number, m in enumerate(messages, 1)]
