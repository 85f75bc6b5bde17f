"""The principal: the authenticated caller, which owns sessions and streams."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["anonymous", "bearer", "clerk"]


@dataclass(frozen=True)
class Principal:
    """An authenticated caller. The name appears in logs; it is never a secret."""

    kind: Kind
    name: str

    @property
    def fingerprint(self) -> str:
        """A hash of kind and name, safe to use in Redis keys."""
        return hashlib.sha256(f"{self.kind}:{self.name}".encode()).hexdigest()[:16]


ANONYMOUS = Principal("anonymous", "anybody")


def principal_of(scope: Any) -> Principal:
    """The principal of this request, as `auth.Authentication` stored it."""
    principal: Principal = scope.get("state", {}).get("principal", ANONYMOUS)
    return principal
