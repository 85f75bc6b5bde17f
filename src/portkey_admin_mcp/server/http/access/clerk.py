"""Clerk as an issuer of access tokens: what its tokens have of their own.

The claims are those of Clerk's session token reference, versions 1 and 2:
https://clerk.com/docs/guides/sessions/session-tokens
"""

import time
from collections.abc import Callable
from typing import Any

from ....safety.caller import Caller
from ....settings.hosting import Hosting
from .jwks import JwksCache
from .oidc import AllowList, Rules, TokenAuthenticator, User, invalid_token

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
CLOCK_SKEW_S = 60


class ClerkAuthenticator(TokenAuthenticator):
    """Accepts tokens issued by Clerk whose user, organisation, role and permissions are allowed."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        issuer = hosting.issuer or ""
        keys_url = f"{issuer}/.well-known/jwks.json"

        async def locate() -> str:
            return keys_url

        keys = JwksCache(keys_url, locate, ALGORITHMS, clock)
        super().__init__(clerk_rules(hosting, issuer), keys)


def clerk_rules(hosting: Hosting, issuer: str) -> Rules:
    """What the CLERK_ settings require of a token."""
    return Rules(
        prefix="CLERK_",
        issuer=issuer,
        audience=hosting.clerk_audience,
        parties=frozenset(party.rstrip("/") for party in hosting.clerk_authorized_parties),
        party_claims=("azp",),
        algorithms=ALGORITHMS,
        leeway_s=CLOCK_SKEW_S,
        read=clerk_user,
        allow_lists=(
            AllowList(
                "user", frozenset(hosting.clerk_subjects), lambda user: frozenset({user.subject})
            ),
            AllowList(
                "organisation",
                frozenset(hosting.clerk_organisations),
                lambda user: user.caller.groups,
            ),
            AllowList(
                "role",
                frozenset(map(_without_org_prefix, hosting.clerk_roles)),
                lambda user: user.caller.roles,
            ),
        ),
        required=frozenset(map(_without_org_prefix, hosting.clerk_permissions)),
        required_setting="CLERK_REQUIRED_PERMISSIONS",
    )


def clerk_user(claims: dict[str, Any]) -> User:
    """Read the claims; version 2 puts those about the organisation into `o`.

    The organisation is the user's only group. Raises RequestRefused (401) while the sign-in is not
    complete.
    """
    if claims.get("sts") == "pending":
        raise invalid_token("The sign-in is not complete; complete it, then get a new token.")
    active_organisation = claims.get("o")
    if isinstance(active_organisation, dict):
        organisation = _texts(active_organisation.get("id"))
        role = _texts(active_organisation.get("rol"))
        permissions = _version_2_permissions(claims.get("fea"), active_organisation)
    else:
        organisation, role = _texts(claims.get("org_id")), _texts(claims.get("org_role"))
        permissions = []
    for names in (claims.get("org_permissions"), claims.get("permissions")):
        permissions += names if isinstance(names, list) else []
    subject = claims["sub"]
    caller = Caller(
        # A user is another principal in each organisation.
        "@".join([f"clerk:{subject}", *organisation]),
        name=subject,
        roles=frozenset(map(_without_org_prefix, role)),
        groups=frozenset(organisation),
        claims=claims,
    )
    rights = (_without_org_prefix(name) for name in permissions if isinstance(name, str))
    return User(caller, subject, frozenset(rights))


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


def _texts(value: Any) -> list[str]:
    """A claim that is a text, as a list; nothing if it is empty or no text."""
    return [value] if isinstance(value, str) and value else []


def _without_org_prefix(name: str) -> str:
    """Version 1 writes `org:admin` where version 2 writes `admin`."""
    return name.removeprefix("org:")
