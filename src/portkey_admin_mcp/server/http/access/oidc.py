"""Access tokens of an OAuth issuer: verify the signature and claims, then apply the allow lists.

One implementation for all issuers. What an issuer does in its own way is in its `Rules`; those of
Clerk are in `clerk.py`, and those that the MCP_OIDC_ settings describe are here.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jwt

from ....safety.caller import Caller
from ....settings.hosting import Hosting
from ....settings.hosting_oidc import DEFAULT_ALGORITHMS
from ..request import RequestRefused, bearer_token
from .discovery import find_keys_url
from .jwks import JwksCache

MAX_TOKEN_CHARS = 16 * 1024
MAX_SUBJECT_CHARS = 255
MAX_NAME_CHARS = 100
TOKEN_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Accepted values of the header `typ`. Others are logout tokens, proofs of keys and the like."""
PARTY_CLAIMS = ("azp", "client_id", "cid", "appid")
"""The claims that name the client a token was issued to; the first that is present counts."""
ID_TOKEN_CLAIMS = frozenset({"at_hash", "c_hash", "s_hash"})
OTHER_TOKENS = {"typ": {"ID", "Refresh", "Offline", "Logout"}, "token_use": {"id"}}
"""Values of claims with which Keycloak and Cognito mark tokens that are no access tokens."""

OPAQUE_MESSAGE = (
    "This token is not a signed JWT. Opaque and encrypted tokens are not accepted, because this "
    "service does not ask the issuer about tokens; let the issuer create access tokens as JWT."
)


class User(NamedTuple):
    """Whom a token was issued to. `rights` are its scopes, or with Clerk its permissions."""

    caller: Caller
    subject: str
    rights: frozenset[str]


class AllowList(NamedTuple):
    """Values of which a user must have one, if there are any. `kind` is what they are."""

    kind: str
    allowed: frozenset[str]
    values: Callable[[User], frozenset[str]]


@dataclass(frozen=True)
class Rules:
    """Which tokens are accepted, and whose. `prefix` begins the names of the settings.

    `read` takes the verified claims; it may refuse them with RequestRefused.
    """

    prefix: str
    issuer: str
    audience: tuple[str, ...]
    parties: frozenset[str]
    party_claims: tuple[str, ...]
    algorithms: frozenset[str]
    leeway_s: int
    read: Callable[[dict[str, Any]], User]
    allow_lists: tuple[AllowList, ...]
    required: frozenset[str]
    required_setting: str


class Header(NamedTuple):
    """What the header of a token, which is not verified yet, says of its signature."""

    kid: str
    algorithm: str


class TokenAuthenticator:
    """Accepts the access tokens that satisfy the rules, signed with one of the keys."""

    def __init__(self, rules: Rules, keys: JwksCache) -> None:
        self._rules = rules
        self._keys = keys
        self._unreadable = f"This is not a token of the configured issuer ({rules.prefix}ISSUER)."
        self._messages: dict[type[Exception], str] = {
            jwt.ExpiredSignatureError: "The token has expired; get a new one.",
            jwt.ImmatureSignatureError: "The token is not valid yet; check the clocks of both "
            "machines.",
            jwt.InvalidAudienceError: "The token is for another audience than "
            f"{rules.prefix}AUDIENCE.",
            jwt.InvalidIssuerError: "The token was issued by another issuer than "
            f"{rules.prefix}ISSUER.",
            jwt.InvalidSignatureError: "The signature of the token is wrong.",
            jwt.MissingRequiredClaimError: "The token lacks a required claim: exp, iat, iss, sub "
            "or aud.",
        }

    async def __call__(self, authorization: str | None) -> Caller:
        """Verify the token and authorize its user; raises RequestRefused (401, 403 or 503)."""
        token = bearer_token(authorization)
        header = self._header(token)
        key = await self._keys.find(header.kid, header.algorithm)
        if key is None:
            raise invalid_token("The token is signed with a key that its issuer does not publish.")
        claims = self._verify(token, key)
        self._require_authorized_party(claims)
        subject = claims["sub"]
        if not subject.strip() or not subject.isprintable() or len(subject) > MAX_SUBJECT_CHARS:
            raise invalid_token("The token names no user (sub).")
        user = self._rules.read(claims)
        self._authorize(user)
        return user.caller

    def _header(self, token: str) -> Header:
        """The header of an unverified token; raises RequestRefused (401)."""
        if token.count(".") != 2:
            raise invalid_token(OPAQUE_MESSAGE)
        try:
            if len(token) > MAX_TOKEN_CHARS:
                raise ValueError("too long")
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise invalid_token(self._unreadable) from None
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if algorithm not in self._rules.algorithms:
            raise invalid_token("The token is signed with an algorithm that is not accepted.")
        if not isinstance(kid, str) or not kid:
            raise invalid_token("The token does not name the key that signed it (kid).")
        if not isinstance(kind, str) or kind.lower() not in TOKEN_TYPES:
            raise invalid_token("This is not an access token, but one of another type (typ).")
        return Header(kid, algorithm)

    def _verify(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        rules = self._rules
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The algorithm of the key, so that the token cannot choose how it is verified.
                algorithms=[key.algorithm_name],
                issuer=rules.issuer,
                audience=rules.audience or None,
                leeway=rules.leeway_s,
                options={
                    "require": ["exp", "iat", "iss", "sub"],
                    "verify_aud": bool(rules.audience),
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise invalid_token(self._messages.get(type(error), self._unreadable)) from None
        return claims

    def _require_authorized_party(self, claims: dict[str, Any]) -> None:
        """Refuse the token of another application, and a token that names none."""
        rules = self._rules
        party = next((claims[name] for name in rules.party_claims if name in claims), None)
        if rules.parties and not (isinstance(party, str) and party in rules.parties):
            raise invalid_token(
                f"The token is from another application ({', '.join(rules.party_claims)}) than "
                f"{rules.prefix}AUTHORIZED_PARTIES."
            )

    def _authorize(self, user: User) -> None:
        for kind, allowed, values in self._rules.allow_lists:
            if allowed and allowed.isdisjoint(values(user)):
                raise insufficient_scope(f"The {kind} of this token is not allowed to call.")
        missing = self._rules.required - user.rights
        if missing:
            raise insufficient_scope(
                f"This token lacks {', '.join(sorted(missing))} of {self._rules.required_setting}."
            )


class OidcAuthenticator(TokenAuthenticator):
    """Accepts the access tokens of MCP_OIDC_ISSUER."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        issuer = hosting.issuer or ""
        rules = oidc_rules(hosting, issuer)

        async def locate() -> str:
            return await find_keys_url(issuer, hosting.oidc_allow_private_issuer)

        super().__init__(rules, JwksCache(issuer, locate, rules.algorithms, clock))


def oidc_rules(hosting: Hosting, issuer: str) -> Rules:
    """What the MCP_OIDC_ settings require of a token."""

    def read(claims: dict[str, Any]) -> User:
        _require_access_token(claims)
        subject = claims["sub"]
        names = claim_texts(claims, hosting.oidc_name_claim)
        caller = Caller(
            # Issuer and subject identify a user; the setting allows no `#` in the issuer.
            f"oidc:{issuer}#{subject}",
            name=_shown(names[0] if names else subject),
            roles=_all_texts(claims, hosting.oidc_roles_claim),
            groups=_all_texts(claims, hosting.oidc_groups_claim),
            claims=claims,
        )
        return User(caller, subject, _scopes(claims))

    return Rules(
        prefix="MCP_OIDC_",
        issuer=issuer,
        audience=hosting.oidc_audience,
        parties=frozenset(hosting.oidc_authorized_parties),
        party_claims=PARTY_CLAIMS,
        algorithms=frozenset(hosting.oidc_algorithms or DEFAULT_ALGORITHMS),
        leeway_s=hosting.oidc_leeway_s,
        read=read,
        allow_lists=(
            AllowList(
                "user", frozenset(hosting.oidc_subjects), lambda user: frozenset({user.subject})
            ),
            AllowList("role", frozenset(hosting.oidc_roles), lambda user: user.caller.roles),
            AllowList("group", frozenset(hosting.oidc_groups), lambda user: user.caller.groups),
        ),
        required=frozenset(hosting.oidc_required_scopes),
        required_setting="MCP_OIDC_REQUIRED_SCOPES",
    )


def invalid_token(message: str) -> RequestRefused:
    """The refusal of a token that proves nothing (401)."""
    return RequestRefused(401, "invalid_token", message)


def insufficient_scope(message: str) -> RequestRefused:
    """The refusal of a user who may not call (403)."""
    return RequestRefused(403, "insufficient_scope", message)


def claim_texts(claims: dict[str, Any], path: str) -> list[str]:
    """The texts of a claim, which is a text or a list; others in the list are skipped.

    A dot in `path` leads into an object, unless a claim has the complete name: names can be URLs.
    """
    value = _claim(claims, path)
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _claim(claims: dict[str, Any], path: str) -> Any:
    if path in claims:
        return claims[path]
    for dot in re.finditer(r"\.", path):
        inner = claims.get(path[: dot.start()])
        value = _claim(inner, path[dot.end() :]) if isinstance(inner, dict) else None
        if value is not None:
            return value
    return None


def _all_texts(claims: dict[str, Any], paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text for path in paths for text in claim_texts(claims, path))


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """The scopes of a token: `scope` and `scp`, as a list or as one text with spaces."""
    texts = [*claim_texts(claims, "scope"), *claim_texts(claims, "scp")]
    return frozenset(scope for text in texts for scope in text.split())


def _shown(name: str) -> str:
    """A name without hidden characters, cut to a length that a line can hold."""
    return "".join(char for char in name if char.isprintable())[:MAX_NAME_CHARS]


def _require_access_token(claims: dict[str, Any]) -> None:
    """Refuse other tokens of the issuer, such as ID tokens, and tokens bound to a key."""
    is_marked = any(
        isinstance(claims.get(name), str) and claims[name] in values
        for name, values in OTHER_TOKENS.items()
    )
    if is_marked or ID_TOKEN_CLAIMS & claims.keys():
        raise invalid_token("This is not an access token; send the access token, not the ID token.")
    if "cnf" in claims:
        raise invalid_token(
            "The token is bound to a key of its client (cnf), which this service cannot check; "
            "get a bearer token."
        )
