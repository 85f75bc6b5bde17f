"""Who is calling: what authentication finds out, and what sessions and events belong to."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["anonymous", "bearer", "clerk"]


@dataclass(frozen=True)
class Principal:
    """Somebody who may call. The name is for logs; it is never a secret."""

    kind: Kind
    name: str

    @property
    def mark(self) -> str:
        """A short form that may stand in a key of Redis, whatever the name holds."""
        return hashlib.sha256(f"{self.kind}:{self.name}".encode()).hexdigest()[:16]


ANYBODY = Principal("anonymous", "anybody")


def principal_of(scope: Any) -> Principal:
    """Who makes this request; set by `auth.Authentication`."""
    found: Principal = scope.get("state", {}).get("principal", ANYBODY)
    return found
