"""Which changes of a call were sent, for what is said if the call is stopped."""

from typing import TYPE_CHECKING

from ..errors import PortkeyAdminError
from .exit_codes import INTERRUPTED, OUTCOME_UNKNOWN
from .output import Failed

if TYPE_CHECKING:
    from ..portkey.api import Portkey
    from ..portkey.gate import Change, Gate, Send


class SentChanges:
    """Watches the changes of one call, before the gate that decides about them."""

    def __init__(self) -> None:
        self._completed: list[str] = []
        self._unanswered: list[str] = []

    def before(self, gate: "Gate") -> "Gate":
        """The same gate, whose changes are watched as they are sent."""

        async def watched(api: "Portkey", change: "Change", send: "Send") -> bytes:
            async def watched_send() -> bytes:
                self._unanswered.append(change.endpoint)
                try:
                    content = await send()
                except PortkeyAdminError:  # which says itself whether anything was sent
                    self._unanswered.remove(change.endpoint)
                    raise
                self._unanswered.remove(change.endpoint)
                self._completed.append(change.endpoint)
                return content

            return await gate(api, change, watched_send)

        return watched

    def interrupted(self) -> Failed:
        """The end of the command if it is stopped now."""
        if not self._completed and not self._unanswered:
            return Failed(INTERRUPTED, "interrupted.", "Nothing was changed.")
        parts = []
        if self._completed:
            parts.append(f"These changes were made: {', '.join(self._completed)}.")
        if self._unanswered:
            parts.append(
                f"{', '.join(self._unanswered)} was sent, and may have taken effect: it was not "
                "answered yet."
            )
        return Failed(
            OUTCOME_UNKNOWN,
            f"interrupted. {' '.join(parts)}",
            "Read the object before you repeat the change.",
            completed=self._completed,
            unanswered=self._unanswered,
        )
