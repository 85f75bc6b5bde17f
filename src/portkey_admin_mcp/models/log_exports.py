"""Log exports: requests and answers in bulk, as a file."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field

from .core.base import ABSENT, Arguments, Patch, Record, Unsent
from .core.vocabulary import (
    CommaSeparated,
    Csv,
    InWorkspace,
    Json,
    Moment,
    RequestRanges,
)

ExportId = Annotated[str, Field(min_length=1, description="See `list_log_exports`.")]
LogField = Literal[
    "id",
    "trace_id",
    "created_at",
    "request",
    "response",
    "is_success",
    "ai_org",
    "ai_model",
    "req_units",
    "res_units",
    "total_units",
    "request_url",
    "cost",
    "cost_currency",
    "response_time",
    "response_status_code",
    "mode",
    "config",
    "prompt_slug",
    "metadata",
]
MAX_ROWS = 50_000
"""Rows of one export (Portkey's documentation)."""


class ExportContent(RequestRanges):
    """The requests that an export holds; sent under `filters`."""

    not_filters: ClassVar[tuple[str, ...]] = ("workspace_id", "requested_data")
    """The fields that are sent next to `filters`, not in it."""

    workspace_id: InWorkspace = ABSENT
    ai_model: Csv = ABSENT
    ai_org_model: Csv = Field(default=ABSENT, description="openai__gpt-4o,…")
    status_code: Csv = ABSENT
    virtual_keys: CommaSeparated = ABSENT
    configs: CommaSeparated = ABSENT
    trace_id: Csv = ABSENT
    prompt_slug: Csv = ABSENT
    workspace_slug: str = Field(default=ABSENT, description="As a filter.")
    metadata: Json = Field(default=ABSENT, description='{"team":"x"}')
    page_size: int = Field(default=ABSENT, ge=1, le=MAX_ROWS, description="Rows, at most 50,000.")
    current_page: int = Field(default=ABSENT, ge=0)

    def wire(self) -> dict[str, Any]:
        """Send the filters under `filters`."""
        filters = super().wire()
        others = {name: filters.pop(name) for name in self.not_filters if name in filters}
        return {**others, "filters": filters}


class ExportDraft(ExportContent):
    """A new export."""

    time_min: Moment = Field(serialization_alias="time_of_generation_min")
    time_max: Moment = Field(serialization_alias="time_of_generation_max")
    requested_fields: list[LogField] = Field(
        min_length=1, serialization_alias="requested_data", description="Columns of the file."
    )
    description: Annotated[str, Unsent.IGNORED] = Field(
        default=ABSENT, description="Ignored by Portkey."
    )


class ExportPatch(ExportContent, Patch):
    """The new filters and columns of a draft export."""

    time_of_generation_min: Moment = ABSENT
    time_of_generation_max: Moment = ABSENT
    requested_fields: list[LogField] = Field(
        default=ABSENT, min_length=1, serialization_alias="requested_data", description="Columns."
    )


class ExportChange(Arguments):
    """A change of a draft export as Portkey takes it: with all its filters."""

    workspace_id: InWorkspace = ABSENT
    filters: Json
    requested_data: list[str] = ABSENT


class ExportsIn(Arguments):
    """The workspace whose exports are meant."""

    workspace_id: InWorkspace = Field(
        default=ABSENT, validation_alias=AliasChoices("workspace_id", "workspace_slug")
    )


class FirstRows(Arguments):
    """How many rows of the file to show."""

    first_rows: int = Field(
        default=ABSENT, ge=1, le=200, description="Also read so many rows from the file."
    )


class ExportPatience(Arguments):
    """How long to wait for an export."""

    max_wait_s: int = Field(default=ABSENT, ge=1, le=600, description="Default: 50.")


class LogExport(Record):
    """An export and where it stands."""

    summary_fields = ("id", "status", "description", "filters", "created_at")

    id: str | None = None
    status: str | None = Field(
        default=None, description="draft, in_progress, success, failed, stopped"
    )
    filters: Json | None = None
    requested_data: list[str] | None = None
    created_at: str | None = None


class LogExportRef(Record):
    """A written export; `total` requests are in it."""

    id: str | None = None
    total: int | None = None


class ExportMessage(Record):
    """What Portkey says of a start or a stop."""

    message: str | None = None


class ExportWait(Record):
    """Where an export stands after waiting for it, and what to do next."""

    id: str | None = None
    status: str | None = Field(
        default=None, description="draft, in_progress, success, failed, stopped"
    )
    waited_s: float | None = None
    next: str | None = None


class ExportFile(Record):
    """Where the file of a finished export is, and its first rows if asked for."""

    secret_fields = ("signed_url",)

    signed_url: str | None = Field(default=None, description="Anyone with it can read the file")
    rows: list[Json] | None = None


class FieldRestrictions(Record):
    """Columns that may not be exported."""
