"""What MCP integrations and MCP servers share: capabilities, and pages that count from 1."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .base import ABSENT, Arguments, Record, Unsent
from .paging import Page, Paging


class PagedFromOne(Paging):
    """A page by `page` from 1, as in the lists of MCP, or by `current_page` from 0."""

    number_field: ClassVar[str] = "page"
    first_page: ClassVar[int] = 1

    page: int = Field(default=ABSENT, ge=1, description="From 1.")
    current_page: Annotated[int, Unsent.FOLDED] = Field(
        default=ABSENT, ge=0, description="From 0; or `page`."
    )
    page_size: int = Field(default=ABSENT, ge=1, le=500)

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if len(self.given("page", "current_page")) > 1:
            raise ValueError("give page (from 1) or current_page (from 0), not both")
        return self

    @property
    def pages_before(self) -> int:
        """How many pages come before this one."""
        return self.current_page if self.given("current_page") else super().pages_before

    def wire(self) -> dict[str, Any]:
        """Send the number of the page as Portkey counts, from 1."""
        body = super().wire()
        return {**body, "page": self.current_page + 1} if self.given("current_page") else body


class CapabilityFilter(PagedFromOne):
    """Which capabilities to list."""

    type: Literal["tool", "prompt", "resource", "resource_template"] = ABSENT


class CapabilityChange(Arguments):
    """Whether one capability may be used."""

    name: str = Field(min_length=1)
    type: Literal["tool", "prompt", "resource", "resource_template"]
    enabled: bool


class CapabilityChanges(Arguments):
    """Which capabilities may be used."""

    capabilities: list[CapabilityChange] = Field(min_length=1)


class Capability(Record):
    """A tool, prompt or resource."""

    name: str | None = None
    type: str | None = None
    enabled: bool | None = None
    description: str | None = None


class CapabilityPage(Page[Capability]):
    """Capabilities; Portkey has called their list `capabilities` too."""

    counts: dict[str, Any] | None = Field(default=None, description="How many of each type")

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept the list under either name, and show it once."""
        if isinstance(raw, dict) and "capabilities" in raw:
            others = {name: value for name, value in raw.items() if name != "capabilities"}
            rows = raw["capabilities"]
            raw = {"data": rows, **others} if others.get("data", rows) == rows else raw
        return super().read(raw)


class McpTest(Record):
    """Whether an MCP server answered."""

    success: bool | None = Field(default=None, description="false: it did not; see error")
    status_code: int | None = None
    response_time_ms: int | None = None
    error: str | None = None
