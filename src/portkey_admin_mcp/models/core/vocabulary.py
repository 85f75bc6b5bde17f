"""Argument types that several domains share, each named and described once."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from .base import ABSENT, Arguments


def json_list(text: str) -> list[Any] | None:
    """The list that a text contains as JSON; None if it contains none."""
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _joined(value: Any) -> Any:
    """Accept a list, or one as JSON, for a field that Portkey wants as values with commas."""
    if isinstance(value, str):
        value = json_list(value) or value
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


@dataclass(frozen=True)
class OneWorkspace:
    """Mark of an optional workspace: left out, Portkey takes one of them without saying which.

    It is the key's own workspace, or for a key of the organisation the default one. `unless` are
    arguments with which the call covers other workspaces than this one: names of arguments, or
    pairs of a name and a value.
    """

    unless: tuple[str | tuple[str, str], ...] = ()


WorkspaceId = Annotated[str, Field(min_length=1, description="Workspace id or slug.")]
InWorkspace = Annotated[
    str,
    OneWorkspace(unless=("organisation_id", "collection_id")),
    Field(min_length=1, description="Id or slug; admin keys must name it."),
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
    WithJsonSchema({"type": ["number", "string"]}),
    Field(description="Version number or id."),
]
"""A version by its number, which Portkey wants, or by the id that it answers with."""
CommaSeparated = Annotated[str, BeforeValidator(_joined), Field(min_length=1)]
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


def check_order(group: Arguments, first: str, last: str) -> None:
    """Refuse a range that holds nothing; raises ValueError with the names of both fields.

    The values are numbers, both of which are in the range, or times in ISO 8601: there, two equal
    ones are refused too, because nothing is between them and Portkey would answer 0. A time that
    Python cannot read is left to Portkey.
    """
    if len(group.given(first, last)) < 2:
        return
    start, end = getattr(group, first), getattr(group, last)
    try:
        values = [instant(each) if isinstance(each, str) else each for each in (start, end)]
    except ValueError:
        return
    if values[1] < values[0]:
        how = "earlier" if isinstance(end, str) else "less"
        raise ValueError(f"{last} ({end}) is {how} than {first} ({start}): exchange them")
    if values[1] == values[0] and isinstance(end, str):
        raise ValueError(
            f"{last} ({end}) is the same time as {first}, so nothing is between them: for one "
            "whole day, end with the next day"
        )


def instant(text: str) -> datetime:
    """The time that a `Moment` names, in UTC if it names no offset; raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> Self:
        for last in type(self).model_fields:
            first = last.removesuffix("max") + "min"
            if last.endswith("_max") and first in type(self).model_fields:
                check_order(self, first, last)
        return self
