"""Show one change that was made through this server."""

from pydantic import Field

from ...domains import CHANGES
from ...errors import InputError
from ...models.core.base import Arguments, Record
from ...portkey.api import Portkey
from ...portkey.catalog import workflow
from ..inspection import current_inspector
from ..journal.changes import find_change
from ..journal.reverting import undo_of

DOMAIN = CHANGES


class ChangeId(Arguments):
    """Which change."""

    change: str = Field(min_length=1, description="See `list_changes`.")


@workflow(effect="read")
async def get_change(_api: Portkey, id: ChangeId) -> Record:
    """Read one change: who, what, before, after, how to undo it."""
    inspector = current_inspector.get()
    change = await find_change(inspector.journal, id.change)
    if change is None:
        raise InputError(
            f"the journal has no change {id.change[:60]!r}; `list_changes` shows their ids"
        )
    return Record.read({**change, "undo": undo_of(change, inspector)})
