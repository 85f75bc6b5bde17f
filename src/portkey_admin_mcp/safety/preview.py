"""What a call would change, found out by reading only."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ..models.core.base import Record
from ..portkey.api import Portkey
from ..portkey.catalog import Tool
from ..portkey.gate import Change, Send
from .masking import masked
from .objects import ObjectNow, label_of, read_object
from .risk import Rating

Execute = Callable[[Portkey], Awaitable[Record]]
"""Runs a call with a client of Portkey."""


class PreviewAnswer(Record):
    """What a call would do, in the place of its answer."""


class WouldChange(Exception):  # not an error: it ends a call that is only looked at
    """Ends a call at its first change, which was not sent."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.endpoint)
        self.change = change


async def record_only(_api: Portkey, change: Change, _send: Send) -> bytes:
    """The gate of a preview: it sends nothing."""
    raise WouldChange(change)


class Preview(NamedTuple):
    """A call that was looked at: its first change, and the object as it is now."""

    tool: Tool
    change: Change
    now: ObjectNow
    rating: Rating

    @property
    def label(self) -> str:
        """What a person types to confirm it."""
        return label_of(self.change, self.now)

    def differences(self) -> dict[str, dict[str, Any]]:
        """Each field that is sent and differs: `{"field": {"from": …, "to": …}}`, masked.

        A field that the object did not show has no `from`.
        """
        before = masked(self.now.fields or {})
        sent = masked({**self.change.query, **(self.change.body or {})})
        if self.tool.effect == "delete":
            return {}
        return {
            name: {"from": before[name], "to": value} if name in before else {"to": value}
            for name, value in sent.items()
            if before.get(name) != value or name not in before
        }


async def look_at(tool: Tool, api: Portkey, execute: Execute, rating: Rating) -> "Preview | Record":
    """Run a call until its first change; its answer if it changes nothing, as a dry run."""
    try:
        return await execute(api.with_gate(record_only))
    except WouldChange as would:
        change = would.change
    return Preview(tool, change, await read_object(api, change), rating)
