"""Clerk's tokens: verified against the issuer's keys, then held against the house's rules.

The claims are those of Clerk's session token reference, versions 1 and 2:
https://clerk.com/docs/guides/sessions/session-tokens
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import jwt

from ...hosting import Hosting
from .jwks import ALGORITHMS, Keys
from .principal import Principal
from .request import Refused, bearer_token

SKEW_S = 60
LONGEST_TOKEN = 16 * 1024

UNREADABLE = "This is not a token of the configured issuer."
PROBLEMS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired; get a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet; compare the clocks.",
    jwt.InvalidAudienceError: "The token is meant for another audience.",
    jwt.InvalidIssuerError: "The token comes from another issuer.",
    jwt.InvalidSignatureError: "The signature of the token is wrong.",
    jwt.MissingRequiredClaimError: "The token lacks a claim that it must have.",
}


@dataclass(frozen=True)
class Holder:
    """Whom a token speaks of, whichever version its claims have."""

    subject: str
    organisation: str | None
    role: str | None
    permissions: frozenset[str]

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Self:
        """Version 2 folds what is about the organisation into `o`."""
        active = claims.get("o")
        if isinstance(active, dict):
            organisation, role = active.get("id"), active.get("rol")
            permissions = _folded_permissions(claims.get("fea"), active)
        else:
            organisation, role = claims.get("org_id"), claims.get("org_role")
            permissions = []
        for listed in (claims.get("org_permissions"), claims.get("permissions")):
            permissions += listed if isinstance(listed, list) else []
        return cls(
            claims["sub"],
            _word(organisation),
            _bare(_word(role)),
            frozenset(_bare(p) or "" for p in permissions if isinstance(p, str)),
        )


class Clerk:
    """Lets in whom Clerk vouches for and the settings allow."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        # Clerk writes its issuer without a slash at the end, people may write one.
        self._issuer = (hosting.clerk_issuer or "").rstrip("/")
        self._keys = Keys(f"{self._issuer}/.well-known/jwks.json", clock)
        self._audience = hosting.clerk_audience
        self._subjects = frozenset(hosting.clerk_subjects)
        self._organisations = frozenset(hosting.clerk_organisations)
        self._roles = frozenset(map(_bare, hosting.clerk_roles))
        self._permissions = frozenset(map(_bare, hosting.clerk_permissions))

    async def __call__(self, authorization: str | None) -> Principal:
        """Verify, then judge; raises Refused."""
        token = bearer_token(authorization)
        key = await self._keys.find(_kid(token))
        if key is None:
            raise Refused(401, "invalid_token", "The token names a key its issuer does not have.")
        claims = self._verified(token, key)
        if claims.get("sts") == "pending":
            raise Refused(401, "invalid_token", "The sign-in is not complete; finish it first.")
        holder = Holder.of(claims)
        self._judge(holder)
        name = f"{holder.subject}@{holder.organisation}" if holder.organisation else holder.subject
        return Principal("clerk", name)

    def _verified(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The key's own, so that no token chooses how it is verified.
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience or None,
                leeway=SKEW_S,
                options={
                    "require": ["exp", "iat", "iss", "sub"],
                    "verify_aud": bool(self._audience),
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Refused(401, "invalid_token", PROBLEMS.get(type(error), UNREADABLE)) from None
        return claims

    def _judge(self, holder: Holder) -> None:
        known = (
            (holder.subject, self._subjects, "user"),
            (holder.organisation, self._organisations, "organisation"),
            (holder.role, self._roles, "role"),
        )
        for value, allowed, what in known:
            if allowed and value not in allowed:
                raise Refused(
                    403, "insufficient_scope", f"The {what} of this token is none that may call."
                )
        if not self._permissions <= holder.permissions:
            raise Refused(
                403, "insufficient_scope", "This token lacks a permission that callers need."
            )


def _kid(token: str) -> str:
    """Which key the token says it was signed with; nothing else it says is believed yet."""
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError("too long")
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Refused(401, "invalid_token", UNREADABLE) from None
    if header.get("alg") not in ALGORITHMS:
        raise Refused(401, "invalid_token", "The token is signed in a way not accepted here.")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise Refused(401, "invalid_token", "The token does not say which key signed it.")
    return kid


def _folded_permissions(features: Any, active: dict[str, Any]) -> list[Any]:
    """Unfold version 2.

    `fea` lists features (`o:reports`, with `o` in its scope), `o.per` permissions, and `o.fpm` a
    number for each feature of the organisation, whose lowest bit stands for the first permission.
    """
    permissions, masks = _listed(active.get("per")), _listed(active.get("fpm"))
    scoped = [feature.partition(":") for feature in _listed(features)]
    names = [name for scope, _, name in scoped if "o" in scope]
    return [
        f"{name}:{permission}"
        for name, mask in zip(names, masks, strict=False)
        if mask.isascii() and mask.isdigit()
        for place, permission in enumerate(permissions)
        if int(mask) >> place & 1
    ]


def _listed(value: Any) -> list[str]:
    text = value if isinstance(value, str) else ""
    return [part.strip() for part in text.split(",") if part.strip()]


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bare(name: str | None) -> str | None:
    """Version 1 writes `org:admin` where version 2 writes `admin`."""
    return name.removeprefix("org:") if name else None
