"""Who asks for the current call. Transports set it; policy, approvals and journal read it."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """The authenticated principal, and the client program that it uses.

    `principal` is `local` on stdio and on the command line, else kind and name, such as
    `bearer:ci` or `clerk:user_2x`; it is never a secret. `claims` come from a verified token.
    `key` is the fingerprint of the caller's own Portkey key; empty with the server's.
    """

    principal: str = "local"
    client: str = ""
    roles: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def identity(self) -> str:
        """What an approval or a question is bound to: the principal with this key."""
        return json.dumps([self.principal, self.key])


LOCAL = Caller()
current_caller: ContextVar[Caller] = ContextVar("current_caller", default=LOCAL)
"""The caller of the current request."""
