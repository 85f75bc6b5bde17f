"""Say what a call would change."""

from typing import Any

from pydantic import Field

from ...domains import CHANGES
from ...models.core.base import Arguments, Record
from ...portkey.api import Portkey
from ...portkey.catalog import workflow
from ..inspection import current_inspector

DOMAIN = CHANGES


class ProposedCall(Arguments):
    """The call to look at."""

    tool: str = Field(description="Its name.")
    arguments: dict[str, Any] = Field(default={}, description="As the call would have them.")


@workflow(effect="read")
async def preview_change(_api: Portkey, call: ProposedCall) -> Record:
    """Say what a call would change, and its risk; changes nothing."""
    return await current_inspector.get().preview(call.tool, call.arguments)
