"""What answers say that were put together from many reads, each in the same words."""

from typing import Any

from pydantic import Field

from .base import Record


class Findings(Record):
    """What many reads showed: beside it, what they did not show, and what to call next."""

    looked_in: str = Field(default="", description="The workspaces that were looked at")
    notes: list[str] = []
    more: Any = Field(default=None, description="Rows not shown, and how to see them")
    next: Any = Field(default=None, description="What to call next, by kind")
    not_seen: list[str] = Field(default=[], description="What could not be read, and why")
    known_by: str = Field(default="", description="The reads behind it")
