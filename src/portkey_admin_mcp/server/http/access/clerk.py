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

UNREADABLE_MESSAGE = "This is not a token of the configured issuer."
ERROR_MESSAGES: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired; get a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet; compare the clocks.",
    jwt.InvalidAudienceError: "The token is meant for another audience.",
    jwt.InvalidIssuerError: "The token comes from another issuer.",
    jwt.InvalidSignatureError: "The signature of the token is wrong.",
    jwt.MissingRequiredClaimError: "The token lacks a claim that it must have.",
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
        active = claims.get("o")
        if isinstance(active, dict):
            organisation, role = active.get("id"), active.get("rol")
            permissions = _version_2_permissions(claims.get("fea"), active)
        else:
            organisation, role = claims.get("org_id"), claims.get("org_role")
            permissions = []
        for listed in (claims.get("org_permissions"), claims.get("permissions")):
            permissions += listed if isinstance(listed, list) else []
        return cls(
            claims["sub"],
            _non_empty_text(organisation),
            _without_org_prefix(_non_empty_text(role)),
            frozenset(_without_org_prefix(p) or "" for p in permissions if isinstance(p, str)),
        )


class ClerkAuthenticator:
    """Accepts tokens issued by Clerk whose user, organisation, role and permissions are allowed."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        # Clerk writes its issuer without a slash at the end, people may write one.
        self._issuer = (hosting.clerk_issuer or "").rstrip("/")
        self._keys = JwksCache(f"{self._issuer}/.well-known/jwks.json", clock)
        self._audience = hosting.clerk_audience
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
                401, "invalid_token", "The token names a key its issuer does not have."
            )
        claims = self._verify(token, key)
        if claims.get("sts") == "pending":
            raise RequestRefused(
                401, "invalid_token", "The sign-in is not complete; finish it first."
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
                # The key's own, so that no token chooses how it is verified.
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

    def _authorize(self, user: ClerkUser) -> None:
        known = (
            (user.subject, self._subjects, "user"),
            (user.organisation, self._organisations, "organisation"),
            (user.role, self._roles, "role"),
        )
        for value, allowed, what in known:
            if allowed and value not in allowed:
                raise RequestRefused(
                    403, "insufficient_scope", f"The {what} of this token is none that may call."
                )
        if not self._permissions <= user.permissions:
            raise RequestRefused(
                403, "insufficient_scope", "This token lacks a permission that callers need."
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
            401, "invalid_token", "The token is signed in a way not accepted here."
        )
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise RequestRefused(401, "invalid_token", "The token does not say which key signed it.")
    return kid


def _version_2_permissions(features: Any, active: dict[str, Any]) -> list[Any]:
    """Decode the permissions of version 2.

    `fea` lists features (`o:reports`, with `o` in its scope), `o.per` permissions, and `o.fpm` a
    number for each feature of the organisation, whose lowest bit stands for the first permission.
    """
    permissions, masks = _split(active.get("per")), _split(active.get("fpm"))
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
