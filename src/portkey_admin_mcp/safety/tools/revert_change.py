"""Undo a change that was made through this server."""

from pydantic import Field

from ...domains import CHANGES
from ...models.core.base import Arguments, Record
from ...portkey.api import Portkey
from ...portkey.catalog import workflow
from ..inspection import current_inspector
from ..journal.reverting import revert

DOMAIN = CHANGES


class Reversion(Arguments):
    """Which change to undo."""

    change: str = Field(min_length=1, description="See `list_changes`.")
    even_if_changed: str = Field(default="", description="State that a refusal named.")


@workflow(
    effect="overwrite",
    is_repeatable=False,
    high_risk="the call that undoes a change may be of high risk",
)
async def revert_change(api: Portkey, reversion: Reversion) -> Record:
    """Undo a change by calling the tool that does so; says what does not come back."""
    return await revert(api, current_inspector.get(), reversion.change, reversion.even_if_changed)
