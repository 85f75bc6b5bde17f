"""The server card (SEP-2127), and the AI catalog that names it: what a client may know beforehand.

Both are public, the same for everybody, and written once from the settings. They list no tools:
what a caller is offered depends on the caller.
"""

import hashlib
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ....clients.servers import KEY_HEADER
from ....settings.hosting import Hosting
from ...fastpath.requests import LEGACY_VERSIONS, MODERN_VERSION
from ..access.auth import challenge_url
from ..request import header_values
from .headers import ANY_ORIGIN
from .paths import AI_CATALOG, MCP, SERVER_CARD

CARD_SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
CARD_TYPE = "application/mcp-server-card+json"
CATALOG_TYPE = "application/ai-catalog+json"
CATALOG_VERSION = "1.0"
NAME = "portkey-admin-mcp"
TITLE = "Portkey administration"
DESCRIPTION = (
    "Administer a Portkey AI-gateway organisation: users, keys, configs, prompts, spend, logs."
)
AUTHENTICATION_KEY = "portkey-admin/authentication"
"""The field of `_meta` that says how to sign in."""
HEADERS = {
    **ANY_ORIGIN,
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}

Page = Callable[[Request], Awaitable[Response]]


def card_routes(hosting: Hosting, version: str) -> list[Route]:
    """The routes of the card and of the catalog."""
    documents = (
        (SERVER_CARD, server_card(hosting, version), CARD_TYPE),
        (AI_CATALOG, ai_catalog(hosting), CATALOG_TYPE),
    )
    return [Route(path, _document(content, type)) for path, content, type in documents]


def server_card(hosting: Hosting, version: str) -> dict[str, Any]:
    """The card of this service."""
    remote: dict[str, Any] = {
        "type": "streamable-http",
        "url": f"{hosting.base_url}{MCP}",
        "supportedProtocolVersions": [*LEGACY_VERSIONS, MODERN_VERSION],
    }
    if headers := _headers(hosting):
        remote["headers"] = headers
    return {
        "$schema": CARD_SCHEMA,
        "name": f"{_reversed(_host(hosting))}/{NAME}",
        "version": version,
        "title": TITLE,
        "description": DESCRIPTION,
        "remotes": [remote],
        "_meta": {AUTHENTICATION_KEY: _authentication(hosting)},
    }


def ai_catalog(hosting: Hosting) -> dict[str, Any]:
    """The catalog, with one entry. It repeats nothing of the card, so that nothing can differ."""
    entry = {
        "identifier": f"urn:air:{_host(hosting)}:mcp:{NAME}",
        "type": CARD_TYPE,
        "url": f"{hosting.base_url}{SERVER_CARD}",
    }
    return {"specVersion": CATALOG_VERSION, "entries": [entry]}


def _headers(hosting: Hosting) -> list[dict[str, Any]]:
    """The headers that a client must or may send. An OAuth client gets its token by itself."""
    headers: list[dict[str, Any]] = []
    if hosting.auth_mode == "bearer":
        token = {"description": "The token that you were given.", "isRequired": True}
        headers.append(
            {
                "name": "Authorization",
                "description": "Your token for this server.",
                "isRequired": True,
                "isSecret": True,
                "value": "Bearer {token}",
                "variables": {"token": {**token, "isSecret": True}},
            }
        )
    if hosting.key_mode != "server":
        headers.append(
            {
                "name": KEY_HEADER,
                "description": "Your own Portkey API key.",
                "isRequired": hosting.key_mode == "caller",
                "isSecret": True,
            }
        )
    return headers


def _authentication(hosting: Hosting) -> dict[str, Any]:
    """How to sign in: as what the endpoint answers without a token says."""
    schemes = {"none": "none", "bearer": "bearer", "clerk": "oauth2", "oidc": "oauth2"}
    content: dict[str, Any] = {"scheme": schemes[hosting.auth_mode]}
    if (metadata := challenge_url(hosting)) is not None:
        content["resourceMetadata"] = metadata
    return content


def _host(hosting: Hosting) -> str:
    """The host of the service, as its address names it."""
    return urlsplit(hosting.base_url).hostname or "localhost"


def _reversed(host: str) -> str:
    """A host in reverse: `mcp.example.com` as `com.example.mcp`. An address becomes `localhost`."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ".".join(reversed(host.split(".")))
    return "localhost"


def _document(content: dict[str, Any], media_type: str) -> Page:
    """Answers a document, or 304 to a client that has it."""
    body = json.dumps(content, ensure_ascii=False, indent=1).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag}

    async def document(request: Request) -> Response:
        if _has(tag, header_values(request.scope, "if-none-match")):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=media_type)

    return document


def _has(tag: str, values: list[str]) -> bool:
    """Whether If-None-Match names this tag; compared weakly, as RFC 9110 says (13.1.2)."""
    tags = [each.strip().removeprefix("W/") for value in values for each in value.split(",")]
    return tag in tags or tags == ["*"]
