"""Lists in pages: which page is asked for, and where in the list an answer stands."""

from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field

from .base import ABSENT, Arguments, Record
from .vocabulary import CurrentPage, PageSize

T = TypeVar("T")
USUAL_SIZE = 50
"""The size of a page where only its number was given and the cut is made here."""


class Paging(Arguments):
    """Which page of a list; the field with its number differs."""

    number_field: ClassVar[str] = "current_page"
    first_page: ClassVar[int] = 0
    is_cut_here: ClassVar[bool] = False
    """Whether Portkey sends the whole list, and the page is cut out of it by this client."""

    page_size: PageSize = ABSENT

    @property
    def pages_before(self) -> int:
        """How many pages come before the one that was asked for."""
        number = getattr(self, self.number_field) if self.given(self.number_field) else None
        return max(0, (number or 0) - self.first_page) if number is not None else 0


class Paged(Paging):
    """A page by `current_page`, which counts from 0, as nearly everywhere in this API."""

    current_page: CurrentPage = ABSENT
    page_size: PageSize = ABSENT


class PagedByPage(Paging):
    """A page by `page`, as SCIM calls it, from 0."""

    number_field = "page"

    page: CurrentPage = ABSENT
    page_size: PageSize = ABSENT


class PagedHere(Paged):
    """A page of a list that Portkey sends whole: never sent, cut from the answer instead."""

    sent_in = "nowhere"
    is_cut_here = True


class Page(Record, Generic[T]):
    """One page of a list; `total` counts all pages."""

    rows_in: ClassVar[str] = "data"
    """The field that holds the rows, where Portkey calls it otherwise."""

    total: int | None = None
    has_more: bool | None = Field(default=None, description="Whether a page follows")
    next_page: int | None = Field(default=None, description="What to ask for next")
    data: list[T] = []

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Count a list that came without an envelope, as some of Portkey's do."""
        return super().read({"total": len(raw), cls.rows_in: raw} if isinstance(raw, list) else raw)

    def at(self, paging: Paging) -> Self:
        """The same page, saying whether more follows; cut out of the whole list if need be."""
        whole = self.answer()
        rows = whole.get(self.rows_in)
        if not isinstance(rows, list):
            return self
        found: dict[str, Any] = {}
        if paging.is_cut_here:
            whole = {"total": len(rows), **whole, self.rows_in: _cut(rows, paging)}
            found = {"total": whole["total"], self.rows_in: _cut(self._records(), paging)}
        place = _place(whole, len(whole[self.rows_in]), paging)
        found |= {n: v for n, v in place.items() if n not in whole}
        # Copied rather than read again: what was judged once needs no second judgement.
        page = self.model_copy(update=found)
        page._raw = {**place, **whole}
        return page

    def _records(self) -> list[Any]:
        records: list[Any] = getattr(self, self.rows_in)
        return records


def _cut(rows: list[Any], paging: Paging) -> list[Any]:
    if not paging.given(paging.number_field, "page_size"):
        return rows
    size = paging.page_size or USUAL_SIZE
    return rows[paging.pages_before * size :][:size]


def _place(whole: dict[str, Any], shown: int, paging: Paging) -> dict[str, Any]:
    """Whether more follows, as far as `total` tells, and which page that is."""
    total = whole.get("total", whole.get("total_count"))
    if not isinstance(total, int) or isinstance(total, bool):
        return {}
    size = paging.page_size or (USUAL_SIZE if paging.is_cut_here else shown)
    seen = paging.pages_before * size + shown
    if not shown or seen >= total:
        return {"has_more": False}
    return {"has_more": True, "next_page": paging.first_page + paging.pages_before + 1}
