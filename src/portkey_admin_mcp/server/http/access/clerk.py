"""Clerk's session tokens: verify the signature and claims, then apply the allow lists.

The claims are those of Clerk's session token reference, versions 1 and 2:
https://clerk.com/docs/guides/sessions/session-tokens
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import jwt

from ....settings.hosting import Hosting
from ..request import RequestRefused, bearer_token
from .jwks import ALGORITHMS, JwksCache
from .principal import Principal

CLOCK_SKEW_S = 60
MAX_TOKEN_CHARS = 16 * 1024

UNREADABLE_MESSAGE = "This is not a token of the configured issuer (CLERK_ISSUER)."
ERROR_MESSAGES: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired; get a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet; check the clocks of both machines.",
    jwt.InvalidAudienceError: "The token is for another audience than CLERK_AUDIENCE.",
    jwt.InvalidIssuerError: "The token was issued by another issuer than CLERK_ISSUER.",
    jwt.InvalidSignatureError: "The signature of the token is wrong.",
    jwt.MissingRequiredClaimError: "The token lacks a required claim: exp, iat, iss, sub or aud.",
}


@dataclass(frozen=True)
class ClerkUser:
    """The user a token was issued to, read from claims of version 1 or 2."""

    subject: str
    organisation: str | None
    role: str | None
    permissions: frozenset[str]

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> Self:
        """Read the claims; version 2 puts those about the organisation into `o`."""
        active_organisation = claims.get("o")
        if isinstance(active_organisation, dict):
            organisation = active_organisation.get("id")
            role = active_organisation.get("rol")
            permissions = _version_2_permissions(claims.get("fea"), active_organisation)
        else:
            organisation, role = claims.get("org_id"), claims.get("org_role")
            permissions = []
        for names in (claims.get("org_permissions"), claims.get("permissions")):
            permissions += names if isinstance(names, list) else []
        return cls(
            claims["sub"],
            _non_empty_text(organisation),
            _without_org_prefix(_non_empty_text(role)),
            frozenset(_without_org_prefix(p) or "" for p in permissions if isinstance(p, str)),
        )


class ClerkAuthenticator:
    """Accepts tokens issued by Clerk whose user, organisation, role and permissions are allowed."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        # Clerk writes its issuer without a slash at the end; the setting may have one.
        self._issuer = (hosting.clerk_issuer or "").rstrip("/")
        self._keys = JwksCache(f"{self._issuer}/.well-known/jwks.json", clock)
        self._audience = hosting.clerk_audience
        self._authorized_parties = frozenset(
            party.rstrip("/") for party in hosting.clerk_authorized_parties
        )
        self._subjects = frozenset(hosting.clerk_subjects)
        self._organisations = frozenset(hosting.clerk_organisations)
        self._roles = frozenset(map(_without_org_prefix, hosting.clerk_roles))
        self._permissions = frozenset(map(_without_org_prefix, hosting.clerk_permissions))

    async def __call__(self, authorization: str | None) -> Principal:
        """Verify the token and authorize its user; raises RequestRefused (401, 403 or 503)."""
        token = bearer_token(authorization)
        key = await self._keys.find(_kid(token))
        if key is None:
            raise RequestRefused(
                401,
                "invalid_token",
                "The token is signed with a key that its issuer does not publish.",
            )
        claims = self._verify(token, key)
        self._require_authorized_party(claims)
        if not claims["sub"].strip():
            raise RequestRefused(401, "invalid_token", "The token names no user (sub).")
        if claims.get("sts") == "pending":
            raise RequestRefused(
                401,
                "invalid_token",
                "The sign-in is not complete; complete it, then get a new token.",
            )
        user = ClerkUser.from_claims(claims)
        self._authorize(user)
        name = f"{user.subject}@{user.organisation}" if user.organisation else user.subject
        return Principal("clerk", name)

    def _verify(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The algorithm of the key, so that the token cannot choose how it is verified.
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience or None,
                leeway=CLOCK_SKEW_S,
                options={
                    "require": ["exp", "iat", "iss", "sub"],
                    "verify_aud": bool(self._audience),
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise RequestRefused(
                401, "invalid_token", ERROR_MESSAGES.get(type(error), UNREADABLE_MESSAGE)
            ) from None
        return claims

    def _require_authorized_party(self, claims: dict[str, Any]) -> None:
        """Refuse the session token of another application, and a token that names none."""
        party = _non_empty_text(claims.get("azp"))
        if self._authorized_parties and party not in self._authorized_parties:
            raise RequestRefused(
                401,
                "invalid_token",
                "The token is from another application (azp) than CLERK_AUTHORIZED_PARTIES.",
            )

    def _authorize(self, user: ClerkUser) -> None:
        allow_lists = (
            (user.subject, self._subjects, "user"),
            (user.organisation, self._organisations, "organisation"),
            (user.role, self._roles, "role"),
        )
        for value, allowed, name in allow_lists:
            if allowed and value not in allowed:
                raise RequestRefused(
                    403, "insufficient_scope", f"The {name} of this token is not allowed to call."
                )
        if not self._permissions <= user.permissions:
            raise RequestRefused(
                403,
                "insufficient_scope",
                "This token lacks a permission of CLERK_REQUIRED_PERMISSIONS.",
            )


def _kid(token: str) -> str:
    """The `kid` in the header of an unverified token; raises RequestRefused (401)."""
    try:
        if len(token) > MAX_TOKEN_CHARS:
            raise ValueError("too long")
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise RequestRefused(401, "invalid_token", UNREADABLE_MESSAGE) from None
    if header.get("alg") not in ALGORITHMS:
        raise RequestRefused(
            401, "invalid_token", "The token is signed with an algorithm that is not accepted."
        )
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise RequestRefused(
            401, "invalid_token", "The token does not name the key that signed it (kid)."
        )
    return kid


def _version_2_permissions(features: Any, organisation: dict[str, Any]) -> list[Any]:
    """Decode the permissions of version 2.

    `fea` lists features (`o:reports`; those of an organisation have `o` in their scope). `o.per`
    lists permissions. `o.fpm` holds one number per feature of the organisation, a bit mask whose
    lowest bit is the first permission.
    """
    permissions, masks = _split(organisation.get("per")), _split(organisation.get("fpm"))
    scoped = [feature.partition(":") for feature in _split(features)]
    names = [name for scope, _, name in scoped if "o" in scope]
    return [
        f"{name}:{permission}"
        for name, mask in zip(names, masks, strict=False)
        if mask.isascii() and mask.isdigit()
        for bit, permission in enumerate(permissions)
        if int(mask) >> bit & 1
    ]


def _split(value: Any) -> list[str]:
    text = value if isinstance(value, str) else ""
    return [part.strip() for part in text.split(",") if part.strip()]


def _non_empty_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _without_org_prefix(name: str | None) -> str | None:
    """Version 1 writes `org:admin` where version 2 writes `admin`."""
    return name.removeprefix("org:") if name else None
