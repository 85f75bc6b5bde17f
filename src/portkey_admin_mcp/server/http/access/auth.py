"""Authentication: none, bearer tokens, or access tokens of an OAuth issuer such as Clerk."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ....portkey.http.slots import CALLER
from ....safety.caller import ANONYMOUS, Caller, current_caller
from ....settings.hosting import Hosting
from ..pages.paths import MCP, METADATA
from ..request import RequestRefused, bearer_token, header_values, is_page

Authenticator = Callable[[str | None], Awaitable[Caller]]
"""Maps an Authorization header to a caller; raises RequestRefused."""

REALM = "portkey-admin-mcp"
TOKEN_PARAMETERS = frozenset(
    {"access_token", "api_key", "authorization", "key", "token", "x-portkey-api-key"}
)
"""Query parameters in which people send tokens, although proxies log URLs."""

NOT_IN_DESCRIPTIONS = re.compile(r"[^ !#-\[\]-~]")
"""Characters that RFC 6750 does not allow in `error_description`."""
OAUTH_ERRORS = frozenset({"invalid_request", "invalid_token", "insufficient_scope"})


async def allow_anonymous(_authorization: str | None) -> Caller:
    """Accept every request; `Hosting.require_access_control` checks that this is allowed."""
    return ANONYMOUS


class BearerAuthenticator:
    """Accepts the configured bearer tokens; each belongs to one named principal."""

    def __init__(self, tokens: dict[str, str]) -> None:
        # All digests have the same length, so a comparison does not reveal the length of a token.
        self._digests = {name: _digest(token) for name, token in tokens.items()}

    async def __call__(self, authorization: str | None) -> Caller:
        """Compare with every token in constant time; raises RequestRefused (401)."""
        digest = _digest(bearer_token(authorization))
        names = [
            name for name, valid in self._digests.items() if hmac.compare_digest(digest, valid)
        ]
        if not names:
            raise RequestRefused(401, "invalid_token", "This token is not valid for this service.")
        return Caller(f"bearer:{names[0]}", name=names[0])


class Authentication:
    """Middleware that authenticates every request except those for the public pages."""

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticator,
        challenge_url: str | None,
        public: frozenset[str],
        scopes: tuple[str, ...] = (),
    ) -> None:
        self.app = app
        self._authenticate = authenticate
        self._challenge_url = challenge_url
        self._public = public
        self._scopes = scopes
        """The scopes that clients are told to ask the issuer for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the caller of the request, or answer 400, 401, 403 or 503.

        The caller is in `current_caller`, and in the scope for `principal_of`.
        """
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        try:
            _require_no_secret_in_query(scope)
            authorization = _authorization_header(scope)
            # Set on pages too: a connection's next request begins with the values of the last one.
            is_public = is_page(scope, self._public)
            caller = ANONYMOUS if is_public else await self._authenticate(authorization)
            scope.setdefault("state", {})["principal"] = caller
            CALLER.set(_share_of(caller))
            current_caller.set(caller)
        except RequestRefused as refused:
            return await self._response(refused)(scope, receive, send)
        return await self.app(scope, receive, send)

    def _response(self, refused: RequestRefused) -> Response:
        if refused.status not in (401, 403):
            return refused.response()
        return refused.response(WWW_Authenticate=self._challenge(refused))

    def _challenge(self, refused: RequestRefused) -> str:
        """The value of WWW-Authenticate.

        It names an error only if a token was sent (RFC 6750), all scopes that are needed, and the
        metadata (RFC 9728).
        """
        parameters = {"realm": REALM}
        if refused.error in OAUTH_ERRORS:
            description = NOT_IN_DESCRIPTIONS.sub("?", refused.message)
            parameters |= {"error": refused.error, "error_description": description}
        if self._scopes:
            parameters["scope"] = " ".join(self._scopes)
        if self._challenge_url:
            parameters["resource_metadata"] = self._challenge_url
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def create_authenticator(hosting: Hosting) -> Authenticator:
    """The authenticator that MCP_AUTH_MODE selects."""
    if hosting.auth_mode == "bearer":
        return BearerAuthenticator(hosting.tokens)
    # Imported only here: cryptography and an HTTP client take 0.3 s to import.
    if hosting.auth_mode == "clerk":
        from .clerk import ClerkAuthenticator

        return ClerkAuthenticator(hosting)
    if hosting.auth_mode == "oidc":
        from .oidc import OidcAuthenticator

        return OidcAuthenticator(hosting)
    return allow_anonymous


def challenge_url(hosting: Hosting) -> str | None:
    """The URL of the protected-resource metadata (RFC 9728); None without OAuth."""
    return f"{hosting.base_url}{METADATA}{MCP}" if hosting.issuer else None


def metadata_route(hosting: Hosting) -> list[Route]:
    """The metadata of RFC 9728, at the path for `/mcp` and at the one that older clients try."""
    if hosting.issuer is None:
        return []
    content: dict[str, Any] = {
        "resource": f"{hosting.base_url}{MCP}",
        "authorization_servers": [hosting.issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "Portkey administration",
    }
    if hosting.scopes:
        content["scopes_supported"] = [*hosting.scopes]

    async def metadata(_request: Request) -> Response:
        return JSONResponse(content, headers={"Cache-Control": "public, max-age=3600"})

    return [Route(path, metadata, methods=["GET"]) for path in (METADATA, f"{METADATA}{MCP}")]


def _share_of(caller: Caller) -> str | None:
    """Whose share of the connections to Portkey a request uses; without authentication, all."""
    return None if caller == ANONYMOUS else caller.principal


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _require_no_secret_in_query(scope: Scope) -> None:
    if not scope["query_string"]:
        return
    query = scope["query_string"].decode("latin-1")
    if any(
        name.lower() in TOKEN_PARAMETERS for name, _ in parse_qsl(query, keep_blank_values=True)
    ):
        raise RequestRefused(
            400,
            "invalid_request",
            "Do not send a token in the URL, because URLs are logged. Replace this token, and send "
            "the new one as Authorization: Bearer TOKEN.",
        )


def _authorization_header(scope: Scope) -> str | None:
    values = header_values(scope, "authorization")
    if len(values) > 1:
        raise RequestRefused(400, "invalid_request", "Send one Authorization header, not several.")
    return values[0] if values else None
