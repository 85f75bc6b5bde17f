"""The principal: the authenticated caller, which owns sessions and streams."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["anonymous", "bearer", "clerk"]


@dataclass(frozen=True)
class Principal:
    """An authenticated caller. The name appears in logs; it is never a secret.

    `key` is the fingerprint of the caller's own Portkey key; empty with the server's. The same
    caller with another key has other sessions and other streams.
    """

    kind: Kind
    name: str
    key: str = ""

    @property
    def id(self) -> str:
        """Kind and name, as settings and the change journal write it: `bearer:ada`."""
        return f"{self.kind}:{self.name}"

    @property
    def fingerprint(self) -> str:
        """A hash of kind and name, safe to use in Redis keys; the same with every key."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]


ANONYMOUS = Principal("anonymous", "anybody")


def principal_of(scope: Any) -> Principal:
    """The principal of this request, as `auth.Authentication` stored it."""
    principal: Principal = scope.get("state", {}).get("principal", ANONYMOUS)
    return principal
