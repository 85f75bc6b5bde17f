"""Lists in pages: which page to read, and whether another page follows it."""

from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field

from .base import ABSENT, Arguments, Record
from .vocabulary import CurrentPage, PageSize

T = TypeVar("T")
DEFAULT_PAGE_SIZE = 50
"""The size of a page that this client cuts, if a call gives only the number of the page."""


class Paging(Arguments):
    """Which page of a list to read; subclasses add the field with its number."""

    number_field: ClassVar[str] = "current_page"
    first_page: ClassVar[int] = 0
    """The number of the first page."""
    is_cut_here: ClassVar[bool] = False
    """Whether Portkey sends the whole list, and this client cuts the page out of it."""

    page_size: PageSize = ABSENT

    @property
    def pages_before(self) -> int:
        """How many pages come before this one."""
        if self.number_field not in self.model_fields_set:
            return 0
        number: int | None = getattr(self, self.number_field)
        return 0 if number is None else max(0, number - self.first_page)


class Paged(Paging):
    """A page by `current_page` from 0, as in nearly all lists of this API."""

    current_page: CurrentPage = ABSENT
    page_size: PageSize = ABSENT


class PagedByPage(Paging):
    """A page by `page` from 0, as in the lists of SCIM."""

    number_field = "page"

    page: CurrentPage = ABSENT
    page_size: PageSize = ABSENT


class PagedHere(Paged):
    """A page of a list without paging in Portkey: not sent, but cut out of the whole list here."""

    sent_in = "nowhere"
    is_cut_here = True


class Page(Record, Generic[T]):
    """One page of a list; `total` counts all pages."""

    rows_in: ClassVar[str] = "data"
    """The field that holds the rows; a few endpoints have another one."""
    empty_note: ClassVar[str] = ""
    """A note on a list without any rows, such as where else to look."""

    total: int | None = None
    has_more: bool | None = Field(default=None, description="Whether a page follows")
    next_page: int | None = Field(default=None, description="What to ask for next")
    data: list[T] = []

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept a bare list, as some endpoints answer, and count it."""
        if isinstance(raw, list):
            raw = {"total": len(raw), cls.rows_in: raw}
        if cls.empty_note and isinstance(raw, dict) and raw.get(cls.rows_in) == []:
            # A page beyond the last one is empty too.
            raw = raw if raw.get("total") else {**raw, "notes": [cls.empty_note]}
        return super().read(raw)

    def at(self, paging: Paging) -> Self:
        """The same page with `has_more` and `next_page`, as far as they are known.

        A list that Portkey sends whole is cut here.
        """
        answer, name = self.answer(), self.rows_in
        rows = answer.get(name)
        if not isinstance(rows, list):
            return self
        if paging.is_cut_here:
            # A `has_more` of Portkey's would be about the whole list.
            answer = {"total": len(rows), **answer, name: _cut(rows, paging)}
            answer.pop("has_more", None)
        place = _next_page_fields(answer, len(answer[name]), paging)
        return type(self)._of({**place, **answer})


def _cut(rows: list[Any], paging: Paging) -> list[Any]:
    if paging.model_fields_set.isdisjoint((paging.number_field, "page_size")):
        return rows
    size = paging.page_size or DEFAULT_PAGE_SIZE
    return rows[paging.pages_before * size :][:size]


def _next_page_fields(answer: dict[str, Any], row_count: int, paging: Paging) -> dict[str, Any]:
    """`has_more` and, if it is true, `next_page`; empty if it is unknown whether more follows."""
    has_more = answer.get("has_more")
    if not isinstance(has_more, bool):
        total = answer.get("total", answer.get("total_count"))
        if not isinstance(total, int) or isinstance(total, bool):
            return {}
        has_more = _has_more(total, row_count, paging)
    if has_more:
        return {"has_more": True, "next_page": paging.first_page + paging.pages_before + 1}
    return {} if has_more is None else {"has_more": False}


def _has_more(total: int, row_count: int, paging: Paging) -> bool | None:
    """Whether rows follow this page; None if that is unknown.

    Without a page size, Portkey's default applies, which differs between lists. It is at least
    the number of rows on this page.
    """
    size = paging.page_size or (DEFAULT_PAGE_SIZE if paging.is_cut_here else None)
    if not row_count:
        is_past_end = paging.pages_before > 0 or total == 0
        return False if is_past_end else None
    if paging.pages_before == 0:
        return row_count < total
    end = paging.pages_before * (size or row_count) + row_count
    if end >= total:
        return False
    return True if size else None
