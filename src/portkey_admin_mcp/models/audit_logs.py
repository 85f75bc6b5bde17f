"""Audit logs: who changed what."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from .core.base import ABSENT, Record, Unsent
from .core.paging import Page, Paged
from .core.vocabulary import Moment, check_order


class AuditFilter(Paged):
    """Which changes to list."""

    start_time: Moment
    end_time: Moment
    organisation_id: str = Field(min_length=1, description="Organisation id.")
    workspace_id: str = Field(default=ABSENT, description="Workspace id.")
    user_id: str = Field(
        default=ABSENT,
        description="Who, by id.",
        validation_alias=AliasChoices("user_id", "actor_id"),
    )
    user_type: Literal["user", "api_key"] = ABSENT
    method: Literal["POST", "PUT", "DELETE"] = ABSENT
    uri: str = Field(default=ABSENT, description="Path of the request.")
    request_id: str = Field(default=ABSENT, description="Of one request.")
    resource_type: str = Field(
        default=ABSENT, description="config, prompt, api_key, virtual_key, user, workspace…"
    )
    action: str = Field(default=ABSENT, description="create, update, delete, publish, rotate…")
    response_status_code: int = ABSENT
    client_ip: str = Field(default=ABSENT, description="Address.")
    country: str = Field(default=ABSENT, description="Two letters.")

    @model_validator(mode="after")
    def _period_is_in_order(self) -> Self:
        check_order(self, "start_time", "end_time")
        return self


class AuditQuery(AuditFilter):
    """Which changes to list, as the tool takes it: what Portkey requires may be left out."""

    start_time: Moment = Field(default=ABSENT, description="If left out: a week before the end.")
    end_time: Moment = Field(default=ABSENT, description="Now if left out.")
    organisation_id: str = Field(
        default=ABSENT, min_length=1, description="If left out, read from the API keys."
    )
    resource_id: Annotated[str, Unsent.IGNORED] = Field(
        default=ABSENT, description="Ignored: Portkey cannot filter by it; see uri."
    )


class AuditRecord(Record):
    """One change."""

    summary_fields = (
        "timestamp",
        "action",
        "resource_type",
        "method",
        "uri",
        "user_id",
        "response_status_code",
    )

    timestamp: str | None = None
    method: str | None = None
    uri: str | None = None
    user_id: str | None = None
    resource_type: str | None = None
    action: str | None = None


class AuditPage(Page[AuditRecord]):
    """Changes, newest first."""

    rows_in: ClassVar[str] = "records"
    records: list[AuditRecord] = []

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept `data`, which clients have seen, instead of `records` as in the OpenAPI file."""
        if isinstance(raw, dict) and isinstance(raw.get("data"), list):
            others = {name: value for name, value in raw.items() if name != "data"}
            rows = raw["data"]
            raw = {"records": rows, **others} if others.get("records", rows) == rows else raw
        return super().read(raw)
