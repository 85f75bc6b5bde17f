"""What the door must remember beyond one process: approvals, used replies, and a freeze."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from ..errors import StateUnavailable

State = Literal["pending", "approved", "denied", "used"]
Decision = Literal["approved", "denied"]

PENDING_S = 24 * 3600.0
"""Seconds that a request for approval waits for a person."""
APPROVED_S = 3600.0
"""Seconds that an approval can be used, and that a denial holds."""
MAX_PENDING = 100
"""Requests of one requester that wait for a person; its oldest make room, and nobody else's."""
MAX_LISTED = 200
"""Requests that are listed, the oldest; those behind them follow when these are settled."""


@dataclass(frozen=True)
class Approval:
    """A request for approval, and what a person decided.

    `call` is the fingerprint of caller, tool and arguments; `binding` the hash of the object when
    it was asked for; `preview` what would change, as JSON with secrets masked. If `four_eyes`
    is 1, not 0, the requester may not approve it. Times are seconds since 1970.
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
    four_eyes: int = 0


@dataclass(frozen=True)
class Freeze:
    """All changes are stopped: by whom, why, and since when (seconds since 1970)."""

    by: str
    why: str
    since: float


class SafetyStore(Protocol):
    """Keeps approvals, used replies and the freeze.

    Every method is atomic, and raises StateUnavailable if the store cannot be read or written.
    """

    async def request(self, approval: Approval) -> Approval:
        """Keep a request for approval; if the same call has an open one, that one instead."""
        ...

    async def find(self, id: str) -> Approval | None:
        """The approval with this id, in any state, if it has not expired."""
        ...

    async def list_open(self) -> list[Approval]:
        """The requests that wait for a person, the oldest first; at most MAX_LISTED."""
        ...

    async def settle(self, id: str, decision: Decision, by: str, why: str) -> Approval | None:
        """Decide a pending request; None if there is none with this id any more."""
        ...

    async def take(self, call: str, binding: str) -> Approval | None:
        """The decision about this call; None while it is not decided.

        An approval is used up by it; a denial holds until it expires. A decision about another
        state of the object counts as none.
        """
        ...

    async def use_once(self, nonce: str, keep_s: float) -> bool:
        """Record a nonce for so many seconds; False if it was used before."""
        ...

    async def forget(self, nonce: str) -> None:
        """Let a nonce be used again."""
        ...

    async def freeze(self) -> Freeze | None:
        """The freeze in force, if any."""
        ...

    async def set_freeze(self, freeze: Freeze | None) -> Freeze | None:
        """Stop all changes, or with None allow them again; the freeze that is then in force.

        While there is a freeze, another changes nothing: its author and its reason stay.
        """
        ...

    async def close(self) -> None:
        """Close the file or the connections."""
        ...


@contextmanager
def failures_of(*errors: type[Exception]) -> Iterator[None]:
    """Raise StateUnavailable for these errors of the library that a store uses."""
    try:
        yield
    except errors as error:
        # Only the type: a message of the library may show an address or a password.
        raise StateUnavailable(
            "this server cannot read its record of freezes and approvals "
            f"({type(error).__name__}), so it changes nothing. Reads still work."
        ) from error
