"""What a call would change, found out by reading only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from ..models.core.base import Record
from ..portkey.api import Portkey
from ..portkey.catalog import Tool
from ..portkey.gate import Change, Send
from ..portkey.masking import MASK, masked
from .dependants import Surroundings, look_around
from .differences import Differences, differences
from .objects import NOTHING_YET, PLACES, ObjectNow, id_of, is_typable, label_of, read_object
from .risk import NOT_RESTORABLE, Rating, matches, may_be_raised

Execute = Callable[[Portkey], Awaitable[Record]]
"""Runs a call with a client of Portkey."""


class WouldChange(Exception):  # not an error: it ends a call that is only looked at
    """Ends a call at its first change, which was not sent."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.endpoint)
        self.change = change


async def record_only(_api: Portkey, change: Change, _send: Send) -> bytes:
    """The gate of a preview: it sends nothing."""
    raise WouldChange(change)


class Undo(NamedTuple):
    """Whether a change can be undone, and how or why not. `why` says why that is not certain."""

    is_possible: bool
    how: str
    why: str = ""


class Preview(NamedTuple):
    """A call that was looked at: its first change, the object as it is now, what depends on it.

    `surroundings` is None if they were not looked at.
    """

    tool: Tool
    change: Change
    now: ObjectNow
    rating: Rating
    surroundings: Surroundings | None = None

    @property
    def name(self) -> str:
        """What a person calls the object."""
        return label_of(self.change, self.now)

    @property
    def label(self) -> str:
        """What a person types to confirm it: the name, or the id if the name cannot be typed."""
        names = (self.name, id_of(self.change, self.now), self.tool.name)
        return next(name for name in names if is_typable(name))

    @property
    def is_new(self) -> bool:
        """Whether the first request creates an object, so that there is nothing to look up."""
        return self.now is NOTHING_YET

    @property
    def overwrites(self) -> bool:
        """Whether the first request changes an object that there is."""
        return self.tool.effect == "overwrite" and not self.is_new

    @property
    def request(self) -> str:
        """The first request, as it would be sent."""
        ids = {name: quote(id, safe="") for name, id in self.change.ids.items()}
        return f"{self.change.method} {self.change.path.format_map(ids)}"

    @property
    def other_requests(self) -> list[str]:
        """The endpoints of the changes that a workflow may make after its first one."""
        endpoints = (each for each in self.tool.endpoints if not each.startswith("GET "))
        return [each for each in endpoints if each != self.change.endpoint]

    def differences(self) -> Differences:
        """Each field that is sent and differs from the object; see `differences.differences`.

        Secrets are masked; one that is sent always counts as a difference.
        """
        if self.tool.effect == "delete":
            return {}
        before = self.now.fields or {} if self.overwrites else {}
        sent = self._sent
        if self.overwrites:
            sent = {name: value for name, value in sent.items() if name not in PLACES}
        if self.surroundings is not None:
            before = _with_workspace_ids(before, self.surroundings.workspaces)
            sent = _with_workspace_ids(sent, self.surroundings.workspaces)
        return differences(masked(before), _with_secrets_apart(masked(sent)))

    @property
    def _sent(self) -> dict[str, Any]:
        return {**self.change.query, **(self.change.body or {})}

    def undo(self) -> Undo:
        """Whether the change can be undone."""
        why = "" if self.now.fields is not None or self.is_new else self.now.why
        if self.tool.effect == "read":
            return Undo(True, "it changes nothing")
        if self.tool.effect == "delete":
            if not self.tool.is_restorable:
                return Undo(False, NOT_RESTORABLE)
            return Undo(True, "only by creating it again, with a new id", why)
        reasons = [why for condition, why in self.tool.no_undo_if if matches(self._sent, condition)]
        if reasons := [*filter(None, [self.tool.no_undo]), *reasons]:
            return Undo(False, "; ".join(reasons))
        if not self.overwrites:
            return Undo(True, "by deleting or taking out what it creates")
        secrets = sorted(
            path for path, each in self.differences().items() if SENT_SECRET in str(each.get("to"))
        )
        if secrets:
            return Undo(False, f"the old value of {', '.join(secrets)} cannot be read back")
        return Undo(True, "by sending the old values again", why)


def _with_workspace_ids(
    fields: dict[str, Any], workspaces: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The same with the id of each workspace in a list of them, where its slug was."""

    def with_id(row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        return {
            name: workspaces[value]["id"]
            if name in ("id", "workspace_id") and isinstance(value, str) and value in workspaces
            else value
            for name, value in row.items()
        }

    return {
        name: [with_id(row) for row in value] if isinstance(value, list) else value
        for name, value in fields.items()
    }


SENT_SECRET = f"{MASK} (new)"
"""Stands for a secret that is sent, so that it differs from the masked one of the object."""


def _with_secrets_apart(value: object) -> dict[str, object]:
    apart = _apart(value)
    return apart if isinstance(apart, dict) else {}


def _apart(value: object) -> object:
    if isinstance(value, dict):
        return {name: _apart(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_apart(item) for item in value]
    return SENT_SECRET if value == MASK else value


async def look_at(
    tool: Tool, api: Portkey, execute: Execute, rating: Rating, *, around: bool = True
) -> "Preview | Record":
    """Run a call until its first change; its answer if it changes nothing, as a dry run.

    `around=False` does not look at what depends on the object. The risk is raised by what does.
    """
    try:
        return await execute(api.with_gate(record_only))
    except WouldChange as would:
        change = would.change
    now = await read_object(api, change)
    if not around:
        return Preview(tool, change, now, rating)
    surroundings = await look_around(tool, api, change, now)
    if may_be_raised(tool):
        unread = () if now.fields is not None else (f"what it is now is not known: {now.why}",)
        rating = rating.raised(*surroundings.reasons, *unread)
    return Preview(tool, change, now, rating, surroundings)
