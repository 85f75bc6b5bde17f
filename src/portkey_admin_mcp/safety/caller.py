"""Who asks for the current call. Transports set it; policy, approvals and journal read it."""

import hashlib
import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Somebody who may call, and the client program that they use.

    `principal` is the identity: `local` on stdio and on the command line, else a kind and a name
    that is unique in it, such as `bearer:ci`, `clerk:user_2x` or
    `oidc:https://login.example.com#248289` (issuer and subject). It appears in logs and is never
    a secret. `name` is what people are shown; its owner may have chosen it, so nothing may be
    decided by it. `claims` come from a verified token.
    `key` is the fingerprint of the caller's own Portkey key; empty with the server's. The same
    caller with another key has other sessions and other streams.
    """

    principal: str = "local"
    client: str = ""
    roles: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, compare=False)
    groups: frozenset[str] = frozenset()
    name: str = ""
    key: str = ""

    @property
    def kind(self) -> str:
        """How they were authenticated, such as `bearer`."""
        return self.principal.partition(":")[0]

    @property
    def fingerprint(self) -> str:
        """A hash of the principal, safe to use in Redis keys; the same with every key."""
        return hashlib.sha256(self.principal.encode()).hexdigest()[:16]

    @property
    def identity(self) -> str:
        """What an approval or a question is bound to: the principal with this key."""
        return json.dumps([self.principal, self.key])


LOCAL = Caller()
ANONYMOUS = Caller("anonymous:anybody")
"""Every caller of the HTTP service if it requires no authentication."""
current_caller: ContextVar[Caller] = ContextVar("current_caller", default=LOCAL)
"""The caller of the current request."""
MAX_CLIENT_LENGTH = 100


def called_with(client: str) -> None:
    """Say which client program sent the current request, as `name/version`; it may be empty."""
    current_caller.set(replace(current_caller.get(), client=client[:MAX_CLIENT_LENGTH]))
