"""Who may settle approvals and freezes, where a person does so, and how approvals are shown."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..errors import NotPermitted
from ..settings.safety import SafetySettings
from .preview_lines import lines_of
from .store import APPROVED_S, PENDING_S, Approval, Decision, Freeze

COMMAND = "portkey-admin-mcp"
MAX_WHY_CHARS = 500
"""Characters of a reason that are kept."""


class Where(NamedTuple):
    """Where a person settles the approvals of a server.

    `options` are those that each command needs to reach its state, such as ` --sandbox` or
    ` --url https://mcp.example.com`; `page` is the address of the page, if it has one. `command`
    is what a person types to start this program.
    """

    options: str = ""
    page: str = ""
    command: str = COMMAND

    def approve(self, id: str) -> str:
        """How to approve a request, in words."""
        command = f"`{self.command} approve {id}{self.options}`"
        if self.page:
            return f"with an approver's own token, at {self.page} or by {command}"
        return f"{command} in a terminal on this server's machine"

    @property
    def thaw(self) -> str:
        """How to end a freeze, in words."""
        return f"`{self.command} thaw{self.options}`"


class Approvers:
    """Which authenticated principals may settle approvals and freezes, by MCP_APPROVERS.

    If it is not set, each may, with two limits, because the token that a model's client uses is
    one of them: nobody approves their own request, and only who froze ends the freeze.
    """

    def __init__(self, settings: SafetySettings) -> None:
        self._names = frozenset(settings.approvers)

    def require(self, principal: str) -> None:
        """Raise NotPermitted if a principal is no approver."""
        if self._names and principal not in self._names:
            raise NotPermitted(
                f"{principal} is not an approver of this service: MCP_APPROVERS does not name it"
            )

    def require_may_settle(self, principal: str, approval: Approval, decision: Decision) -> None:
        """Raise NotPermitted if a principal may not decide so; denying is always allowed."""
        self.require(principal)
        if decision == "denied" or principal != approval.requester:
            return
        if approval.four_eyes:
            raise NotPermitted(
                f"{principal} asked for this, and MCP_FOUR_EYES requires another person to approve"
            )
        if not self._names:
            raise NotPermitted(
                f"{principal} asked for this, so another principal must approve it, unless "
                "MCP_APPROVERS names this one"
            )

    def require_may_thaw(self, principal: str, freeze: Freeze | None) -> None:
        """Raise NotPermitted if a principal may not end a freeze."""
        self.require(principal)
        if freeze is not None and not self._names and freeze.by != principal:
            raise NotPermitted(
                f"{freeze.by} froze this, so only they end it here, or a principal that "
                f"MCP_APPROVERS names; or `{COMMAND} thaw` on the service's machine"
            )


def require_local_may_settle(approval: Approval, decision: Decision) -> None:
    """Raise NotPermitted if a person at this machine may not decide so.

    Only an operating system's user is known here, who may be the person that asked.
    """
    if approval.four_eyes and decision == "approved":
        raise NotPermitted(
            "MCP_FOUR_EYES requires another person to approve, and only the service knows who "
            "asked: approve with --url and your own token. A server on stdio has nobody else, so "
            "there it must not be set"
        )


def is_label(typed: str, approval: Approval) -> bool:
    """Whether a person typed the name of the object that an approval is about."""
    return typed.strip() in (approval.label, printable(approval.label))


def shown_approval(approval: Approval) -> dict[str, Any]:
    """An approval as JSON, for people: without what only this server compares."""
    answer: dict[str, Any] = {
        "id": approval.id,
        "state": approval.state,
        "tool": approval.tool,
        "name": approval.label,
        "requester": approval.requester,
        "created_at": iso(approval.created_at),
        "expires_at": iso(approval.expires_at),
    }
    if approval.four_eyes:
        answer["four_eyes"] = True
    if approval.settled_by:
        answer |= {
            "settled_by": approval.settled_by,
            "settled_at": iso(approval.settled_at),
            "why": approval.why,
        }
    return {**answer, "preview": json.loads(approval.preview)}


def lines_of_approval(approval: dict[str, Any]) -> list[str]:
    """What an approval (as JSON) allows, in the lines of text that a question to a person has."""
    named = {"tool": approval["tool"], "object": {"name": approval["name"]}}
    return lines_of({**named, **approval["preview"]})


def shown_freeze(freeze: Freeze | None) -> dict[str, Any] | None:
    """A freeze as JSON; None if there is none."""
    if freeze is None:
        return None
    return {"by": freeze.by, "why": freeze.why, "since": iso(freeze.since)}


def settled_text_of(approval: dict[str, Any]) -> str:
    """What was decided about an approval (as JSON), and what follows, as a sentence."""
    tool = printable(approval["tool"])
    if approval["state"] == "approved":
        return (
            f"Approved. The same call of {tool} passes once, within {APPROVED_S / 60:.0f} minutes."
        )
    return f"Denied. The same call of {tool} is told so until {approval['expires_at']}."


def not_open_text(id: str, approval: Approval | None) -> str:
    """Why an id names no request that waits, and what to do next, as a sentence."""
    if approval is None:
        return (
            f"There is no request {printable(id)}: the id is wrong, or it expired after "
            f"{PENDING_S / 3600:.0f} hours. List the open ones, or make the call again."
        )
    state = "used" if approval.state == "used" else f"{approval.state} by {approval.settled_by}"
    return f"The request {approval.id} was {state} already. To ask again, make the call again."


def one_line_of(why: str) -> str:
    """A reason on one line, without control characters, and shortened."""
    return printable(" ".join(why.split()))[:MAX_WHY_CHARS]


def printable(text: str) -> str:
    """A text that cannot change what a terminal shows around it; line breaks stay."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def iso(seconds: float) -> str:
    """A time since 1970 as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
