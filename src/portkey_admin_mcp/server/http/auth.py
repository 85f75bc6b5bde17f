"""Who may call: everybody, holders of a token, or users of a Clerk organisation."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...hosting import Hosting
from .paths import MCP, METADATA
from .principal import ANYBODY, Principal
from .request import Refused, bearer_token, is_page, values

Authenticator = Callable[[str | None], Awaitable[Principal]]
"""Takes the Authorization header and says who that is; raises Refused."""

REALM = "portkey-admin-mcp"
SECRETS = frozenset({"access_token", "authorization", "key", "token"})
"""Query parameters in which people put tokens, and from which proxies log them."""

OAUTH_ERRORS = frozenset({"invalid_request", "invalid_token", "insufficient_scope"})


async def anybody(_authorization: str | None) -> Principal:
    """Let everybody in; `Hosting.require_access_control` says when that is right."""
    return ANYBODY


class Bearer:
    """Knows tokens by heart, each by the name of its principal."""

    def __init__(self, tokens: dict[str, str]) -> None:
        # Digests have one length, so that not even a token's length can be measured.
        self._digests = [(name, _digest(token)) for name, token in tokens.items()]

    async def __call__(self, authorization: str | None) -> Principal:
        """Compare with every token, however early one fits, so that time tells nothing."""
        given = _digest(bearer_token(authorization))
        fitting = [name for name, known in self._digests if hmac.compare_digest(given, known)]
        if not fitting:
            raise Refused(401, "invalid_token", "This token is not known here.")
        return Principal("bearer", fitting[0])


class Authentication:
    """Lets nobody past unknown, except to the public pages."""

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticator,
        challenge_url: str | None,
        public: frozenset[str],
    ) -> None:
        self.app = app
        self._authenticate = authenticate
        self._challenge_url = challenge_url
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the principal where `principal_of` finds it, or refuse."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        try:
            _require_no_secret_in_query(scope)
            authorization = _the_authorization(scope)
            if not is_page(scope, self._public):
                principal = await self._authenticate(authorization)
                scope.setdefault("state", {})["principal"] = principal
        except Refused as refused:
            return await self._answer(refused)(scope, receive, send)
        return await self.app(scope, receive, send)

    def _answer(self, refused: Refused) -> Response:
        if refused.status not in (401, 403):
            return refused.answer()
        return refused.answer(WWW_Authenticate=self._challenge(refused))

    def _challenge(self, refused: Refused) -> str:
        """RFC 6750: no error where nothing was presented; RFC 9728: where to learn more."""
        told = {"realm": REALM}
        if refused.error in OAUTH_ERRORS:
            told |= {"error": refused.error, "error_description": refused.message}
        if self._challenge_url:
            told["resource_metadata"] = self._challenge_url
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())


def authenticator_for(hosting: Hosting) -> Authenticator:
    """How this service finds out who calls."""
    if hosting.auth_mode == "bearer":
        return Bearer(hosting.tokens)
    if hosting.auth_mode == "clerk":
        # Cryptography and an HTTP client take 0.3 s to import, and few need them.
        from .clerk import Clerk

        return Clerk(hosting)
    return anybody


def challenge_url(hosting: Hosting) -> str | None:
    """Where a refused client reads which authorization server to ask; none but with Clerk."""
    return f"{hosting.base_url}{METADATA}{MCP}" if hosting.auth_mode == "clerk" else None


def metadata_route(hosting: Hosting) -> list[Route]:
    """RFC 9728, at the path for the endpoint and at the one that older clients try."""
    if hosting.auth_mode != "clerk" or hosting.clerk_issuer is None:
        return []
    facts = {
        "resource": f"{hosting.base_url}{MCP}",
        "authorization_servers": [hosting.clerk_issuer.rstrip("/")],
        "bearer_methods_supported": ["header"],
        "resource_name": "Portkey administration",
    }

    async def metadata(_request: Request) -> Response:
        return JSONResponse(facts, headers={"Cache-Control": "public, max-age=3600"})

    return [Route(path, metadata, methods=["GET"]) for path in (METADATA, f"{METADATA}{MCP}")]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _require_no_secret_in_query(scope: Scope) -> None:
    query = scope["query_string"].decode("latin-1")
    if any(name.lower() in SECRETS for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise Refused(
            400,
            "invalid_request",
            "A token does not belong in the address, where it is logged; consider it known to "
            "others, and send a new one as Authorization: Bearer TOKEN.",
        )


def _the_authorization(scope: Scope) -> str | None:
    found = values(scope, "authorization")
    if len(found) > 1:
        raise Refused(400, "invalid_request", "Send one Authorization header, not several.")
    return found[0] if found else None
