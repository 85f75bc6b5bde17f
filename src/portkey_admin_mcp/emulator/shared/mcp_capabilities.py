"""Capabilities of MCP integrations and MCP servers, and their lists."""

from typing import Any, Literal

from pydantic import Field

from ..core.bodies import Body
from ..core.routing import Call

CAPABILITY_TYPES = ("tool", "prompt", "resource", "resource_template")


class CapabilityChange(Body):
    """Whether one capability is enabled."""

    name: str
    type: Literal["tool", "prompt", "resource", "resource_template"]
    enabled: bool


class CapabilityBody(Body):
    """Which capabilities are enabled or disabled."""

    capabilities: list[CapabilityChange] = Field(min_length=1)


def capability_page(call: Call, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of capabilities, with their number by type; the first page is 1."""
    kind = call.query.get("type")
    counts = {f"{name}s": {"total": 0, "enabled": 0} for name in CAPABILITY_TYPES}
    for row in rows:
        count = counts[f"{row['type']}s"]
        count["total"] += 1
        count["enabled"] += row["enabled"]
    page = call.listing(
        [row for row in reversed(rows) if kind in (None, row["type"])],
        parameters=("page", "page_size"),
        max_size=500,
        default_size=100,
        first_page=1,
    )
    return {"data": page["data"], "counts": counts, **_paging(call, page)}


def _paging(call: Call, page: dict[str, Any]) -> dict[str, Any]:
    size = call.query_number("page_size", None) or 100
    number = call.query_number("page", 1) or 1
    return {"total": page["total"], "has_more": number * size < page["total"]}


def has_more(call: Call, page: dict[str, Any]) -> bool:
    """Whether rows follow those of a page of 100, or of the size in the query, from page 0."""
    size = call.query_number("page_size", 100) or 100
    number = call.query_number("current_page", 0) or 0
    return bool((number + 1) * size < page["total"])


def mcp_list(call: Call, page: dict[str, Any]) -> dict[str, Any]:
    """A list in the form of the MCP endpoints: without `object`, with `has_more`."""
    return {"data": page["data"], **_paging(call, page)}


def disabled(
    changes: list[CapabilityChange], before: list[str], existing: list[dict[str, Any]]
) -> list[str]:
    """The disabled capabilities after these changes, as `type:name`.

    A capability that is not among the existing ones is ignored (an assumption): a client then has
    to notice by itself.
    """
    disabled_names = set(before)
    names = {capability_key(each) for each in existing}
    for change in changes:
        key = f"{change.type}:{change.name}"
        (disabled_names.discard if change.enabled else disabled_names.add)(key)
    return sorted(disabled_names & names)


def capability_key(capability: dict[str, Any]) -> str:
    """The name of a capability among the disabled ones: `type:name`."""
    return f"{capability['type']}:{capability['name']}"


def connection_test(url: str) -> dict[str, Any]:
    """The result of a connection test: succeeds unless the address contains "unreachable"."""
    if "unreachable" in url or ".invalid" in url:
        return {"success": False, "url": url, "error": "connect ECONNREFUSED"}
    return {
        "success": True,
        "status_code": 200,
        "response_time_ms": 42,
        "url": url,
        "server_name": "Emulated MCP server",
    }
