"""Argument types that several domains share, each named and described once."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from .base import ABSENT, Arguments


def _joined(value: Any) -> Any:
    """Accept a list for a field that Portkey wants as values with commas between them."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _as_json(value: Any) -> Any:
    """Accept an object for a field that Portkey wants as JSON text."""
    if not isinstance(value, dict):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _moment(value: Any) -> Any:
    """Complete a date to its midnight in UTC, and refuse text that is no time."""
    if not isinstance(value, str):
        return value
    text = f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        raise ValueError("give a time such as 2026-11-02T09:00:00Z, or a date")
    return text


def _number(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Report one error for what is neither an integer nor a float, rather than two."""
    try:
        return validate(value)
    except ValidationError as error:
        if error.error_count() > 1:
            raise ValueError("give a number") from None
        raise


def _object_text(text: str) -> str:
    """Refuse text that is no JSON object."""
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise ValueError('give a JSON object such as {"team":"support"}')
    return text


WorkspaceId = Annotated[str, Field(min_length=1, description="Workspace id or slug.")]
InWorkspace = Annotated[
    str, Field(min_length=1, description="Id or slug; admin keys must name it.")
]
OfOrganisation = Annotated[
    str, Field(description="For the whole organisation; `get_api_key` shows it.")
]
UserId = Annotated[str, Field(min_length=1, description="See `list_all_users`.")]
InviteId = Annotated[str, Field(min_length=1, description="See `list_user_invites`.")]
ConfigSlug = Annotated[str, Field(min_length=1, description="`pc-…`")]
ApiKeyId = Annotated[
    str,
    Field(min_length=1, description="See `list_api_keys`.", json_schema_extra={"format": "uuid"}),
]
VirtualKeySlug = Annotated[str, Field(min_length=1, description="See `list_virtual_keys`.")]

WorkspaceRole = Literal["admin", "member", "manager"]

CurrentPage = Annotated[int, Field(ge=0, description="From 0.")]
PageSize = Annotated[int, Field(ge=1, le=100)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", json_schema_extra={"format": "email"})]
Moment = Annotated[str, BeforeValidator(_moment), Field(json_schema_extra={"format": "date-time"})]
"""ISO 8601; UTC unless it names an offset. The schema says so as `format: date-time`."""
Metadata = Annotated[dict[str, str], Field(description="Default request metadata.")]
Json = dict[str, Any]
Number = Annotated[int | float, WrapValidator(_number), WithJsonSchema({"type": "number"})]
"""A number that is sent as it came: 60 as 60, never as 60.0."""
VersionName = Annotated[
    Annotated[Number, Field(gt=0)] | Annotated[str, Field(min_length=1)],
    WithJsonSchema({"type": ["string", "number"]}),
    Field(description="Version number or id."),
]
"""A version by its number, which Portkey wants, or by the id that it answers with."""
CommaSeparated = Annotated[str, BeforeValidator(_joined)]
"""Values with commas between them, as one string or as a list; for names in the plural."""
Csv = Annotated[CommaSeparated, Field(description="CSV.")]
"""The same for names in the singular, with a description."""
JsonText = Annotated[str, BeforeValidator(_as_json)]
"""An object that Portkey wants as JSON text, given as an object or as that text."""
JsonObjectText = Annotated[JsonText, AfterValidator(_object_text)]
"""The same, checked: Portkey would ignore a filter that is no JSON object."""


class WorkspaceSelector(Arguments):
    """The workspace that an object is in, for objects whose id does not tell it."""

    workspace_id: InWorkspace = ABSENT


class QueriedWorkspace(WorkspaceSelector):
    """The same, sent in the query although the request has a body."""

    sent_in = "query"


class RequestRanges(Arguments):
    """Filters of requests by cost, tokens and feedback; both bounds are included."""

    cost_min: Number = Field(default=ABSENT, ge=0, description="Cents.")
    cost_max: Number = Field(default=ABSENT, ge=0)
    total_units_min: int = Field(default=ABSENT, ge=0, description="Tokens.")
    total_units_max: int = Field(default=ABSENT, ge=0)
    prompt_token_min: int = Field(default=ABSENT, ge=0)
    prompt_token_max: int = Field(default=ABSENT, ge=0)
    completion_token_min: int = Field(default=ABSENT, ge=0)
    completion_token_max: int = Field(default=ABSENT, ge=0)
    weighted_feedback_min: Number = Field(default=ABSENT, ge=-10, le=10)
    weighted_feedback_max: Number = Field(default=ABSENT, ge=-10, le=10)
