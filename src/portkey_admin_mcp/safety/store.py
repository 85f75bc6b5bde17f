"""What the door must remember beyond one process: approvals, used replies, and a freeze."""

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["pending", "approved", "denied", "used"]
Decision = Literal["approved", "denied"]

PENDING_S = 24 * 3600.0
"""Seconds that a request for approval waits for a person."""
APPROVED_S = 3600.0
"""Seconds that an approval can be used."""


@dataclass(frozen=True)
class Approval:
    """A request for approval, and what a person decided.

    `call` is the fingerprint of caller, tool and arguments; `binding` the hash of the object when
    it was asked for; `preview` what would change, as JSON with secrets masked. Times are seconds
    since 1970.
    """

    id: str
    call: str
    binding: str
    tool: str
    label: str
    preview: str
    requester: str
    created_at: float
    expires_at: float
    state: State = "pending"
    settled_by: str = ""
    settled_at: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Freeze:
    """All changes are stopped: by whom, why, and since when (seconds since 1970)."""

    by: str
    why: str
    since: float


class SafetyStore(Protocol):
    """Keeps approvals, used replies and the freeze. Every method is atomic."""

    async def request(self, approval: Approval) -> Approval:
        """Keep a request for approval; if the same call has an open one, that one instead."""
        ...

    async def find(self, id: str) -> Approval | None:
        """The approval with this id, if it has not expired."""
        ...

    async def list_open(self) -> list[Approval]:
        """All requests that wait for a person, the oldest first."""
        ...

    async def settle(self, id: str, decision: Decision, by: str, why: str) -> Approval | None:
        """Decide a pending request; None if there is none with this id any more."""
        ...

    async def take(self, call: str, binding: str) -> Approval | None:
        """Use up the decision about this call; None while it is not decided.

        A decision about another state of the object counts as none.
        """
        ...

    async def use_once(self, nonce: str, keep_s: float) -> bool:
        """Record a nonce for so many seconds; False if it was used before."""
        ...

    async def freeze(self) -> Freeze | None:
        """The freeze in force, if any."""
        ...

    async def set_freeze(self, freeze: Freeze | None) -> None:
        """Stop all changes, or with None allow them again."""
        ...
