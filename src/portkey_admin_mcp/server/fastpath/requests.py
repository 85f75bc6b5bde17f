"""Which messages the fast path may answer: those that are plain and certainly valid.

All others go to the SDK. Standard library only.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ..offer.offer import LISTS

LEGACY_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
INFO_KEY = "io.modelcontextprotocol/clientInfo"
PROGRESS_KEY = "progressToken"

Generation = Literal["legacy", "modern"]
CAPABILITIES: dict[str, dict[str, type]] = {
    "roots": {"listChanged": bool},
    "sampling": {"context": dict, "tools": dict},
    "elicitation": {"form": dict, "url": dict},
}
"""Capabilities of clients that are certainly valid, with the types of their fields."""
INFO = ("name", "version", "title", "websiteUrl", "description")
"""Fields of a client's own description; all are texts."""
METHODS = frozenset((*LISTS, "tools/call", "ping", "initialize", "server/discover"))


class Request(NamedTuple):
    """A request that the fast path may answer."""

    id: str | int
    method: str
    params: dict[str, Any]
    generation: Generation


def recognised(message: Any) -> Request | None:
    """The request in a decoded message, or None if the fast path may not answer it."""
    method = message.get("method") if isinstance(message, dict) else None
    if not isinstance(method, str) or method not in METHODS:
        return None
    fields = {"jsonrpc", "id", "method", "params"}
    if message.get("jsonrpc") != "2.0" or not message.keys() <= fields:
        return None
    id, params = message.get("id"), message.get("params", {})
    if isinstance(id, bool) or not isinstance(id, str | int) or not isinstance(params, dict):
        return None
    generation = _generation(params)
    request = Request(id, method, params, generation) if generation else None
    return request if request is not None and _is_plain(request) else None


def client_of(message: Mapping[str, Any]) -> str:
    """The client program that a message names, as `name/version`; empty if it names none."""
    params = message.get("params")
    if not isinstance(params, dict):
        return ""
    meta = params.get("_meta")
    info = meta.get(INFO_KEY) if isinstance(meta, dict) else None
    if message.get("method") == "initialize":
        info = params.get("clientInfo")
    if not isinstance(info, dict) or not is_plain_info(info):
        return ""
    return f"{info['name']}/{info['version']}"


def _generation(params: dict[str, Any]) -> Generation | None:
    """The generation of a request by its `_meta`; None if that is unusual."""
    if "_meta" not in params:
        return "legacy"
    meta = params["_meta"]
    if not isinstance(meta, dict):
        return None
    token = meta.get(PROGRESS_KEY, "")
    if isinstance(token, bool) or not isinstance(token, str | int):
        return None
    keys = meta.keys() - {PROGRESS_KEY}
    if not keys:
        return "legacy"
    is_modern = (
        keys <= {VERSION_KEY, CAPABILITIES_KEY, INFO_KEY}
        and meta.get(VERSION_KEY) == MODERN_VERSION
        and are_plain_capabilities(meta.get(CAPABILITIES_KEY))
        and (INFO_KEY not in meta or is_plain_info(meta[INFO_KEY]))
    )
    return "modern" if is_modern else None


def _is_plain(request: Request) -> bool:
    names = request.params.keys() - {"_meta"}
    match request.method:
        case "tools/call":
            return (
                names <= {"name", "arguments"}
                and isinstance(request.params.get("name"), str)
                and isinstance(request.params.get("arguments", {}), dict)
            )
        case "initialize":
            return (
                request.generation == "legacy"
                and names == {"protocolVersion", "capabilities", "clientInfo"}
                and isinstance(request.params["protocolVersion"], str)
                and are_plain_capabilities(request.params["capabilities"])
                and is_plain_info(request.params["clientInfo"])
            )
        case "ping":
            return request.generation == "legacy" and not names
        case "server/discover":
            return request.generation == "modern" and not names
        case _:
            return not names


def are_plain_capabilities(capabilities: Any) -> bool:
    """Whether a client's capabilities are certainly valid."""
    return isinstance(capabilities, dict) and all(
        name in CAPABILITIES
        and isinstance(fields, dict)
        and all(isinstance(v, CAPABILITIES[name].get(f, ())) for f, v in fields.items())
        for name, fields in capabilities.items()
    )


def is_plain_info(info: Any) -> bool:
    """Whether a client's description of itself is certainly valid."""
    return (
        isinstance(info, dict)
        and info.keys() >= {"name", "version"}
        and all(name in INFO and isinstance(text, str) for name, text in info.items())
    )
