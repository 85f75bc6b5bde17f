"""What reads show: rows of lists, and workspaces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any
from uuid import UUID

from .tool_arguments import PAGE_SIZE

Row = dict[str, Any]
SLUG_UNKNOWN = "its slug is not known"
"""Why analytics of a workspace are not read."""


@dataclass
class Rows:
    """The rows of a list; `why` says why they are not complete, and is empty if they are."""

    rows: list[Row] = field(default_factory=list)
    why: str = ""
    answer: Row = field(default_factory=dict)
    """The first page as it was answered; empty if none was."""

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows."""
        return iter(self.rows)

    @property
    def failed(self) -> bool:
        """Whether no row could be read."""
        return bool(self.why) and not self.rows

    @property
    def total(self) -> int | None:
        """How many rows the list has on all pages; None if the answer does not say."""
        total = self.answer.get("total", self.answer.get("total_count"))
        return total if type(total) is int else None

    @property
    def has_more(self) -> bool:
        """Whether another page follows; if the answer does not say, whether this one is full."""
        has_more = self.answer.get("has_more")
        return has_more if isinstance(has_more, bool) else len(self.rows) >= PAGE_SIZE


@dataclass(frozen=True)
class Workspace:
    """A workspace whose lists are read. `id` is None for the key's own, if none can be listed."""

    id: str | None
    slug: str
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row) -> "Workspace":
        """The workspace of a row that has an id."""
        return cls(str(row["id"]), str(row.get("slug") or row["id"]), row)

    @property
    def has_slug(self) -> bool:
        """Whether its slug is known, by which analytics know it: an id is none."""
        return not is_uuid(self.slug)

    @property
    def selector(self) -> dict[str, str]:
        """The argument by which a list is of this workspace."""
        return {} if self.id is None else {"workspace_id": self.id}

    @property
    def slug_selector(self) -> dict[str, str]:
        """The argument by which analytics are of this workspace."""
        return {} if self.id is None else {"workspace_slug": self.slug}


def is_uuid(text: str) -> bool:
    """Whether a text is an id as Portkey makes them."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def exact(number: Any) -> Fraction:
    """A number of an answer as it was written: 0.1 is a tenth. 0 for what is no finite number."""
    if isinstance(number, bool) or not isinstance(number, int | float | str):
        return Fraction(0)
    try:
        return Fraction(Decimal(str(number)))
    except (InvalidOperation, ValueError, OverflowError):
        return Fraction(0)
