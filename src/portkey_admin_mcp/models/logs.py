"""Logs: single requests with their answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Record
from .core.vocabulary import Json, Moment

LogId = Annotated[str, Field(min_length=1, description="Id of the request; see log exports.")]
BOTH_SPELLINGS = {"traceId": "trace_id", "spanId": "span_id", "spanName": "span_name"}
"""The documentation's names of fields, and those of the OpenAPI file; both are sent."""


class LogDraft(Arguments):
    """A request that was made elsewhere, with its answer."""

    request_url: str = Field(
        default=ABSENT, description="Full address.", serialization_alias="request.url"
    )
    request_provider: str = Field(
        default=ABSENT, description="openai…", serialization_alias="request.provider"
    )
    request_method: str = Field(default="post", serialization_alias="request.method")
    request_headers: dict[str, str] = Field(
        default=ABSENT, description="Without keys.", serialization_alias="request.headers"
    )
    request_body: Json = Field(
        default=ABSENT, description="As sent.", serialization_alias="request.body"
    )
    response_status: int = Field(default=200, serialization_alias="response.status")
    response_headers: dict[str, str] = Field(
        default=ABSENT, description="Received.", serialization_alias="response.headers"
    )
    response_body: Json = Field(
        default=ABSENT, description="As received.", serialization_alias="response.body"
    )
    response_time: int = Field(
        default=ABSENT, ge=0, description="ms", serialization_alias="response.response_time"
    )
    streaming_mode: bool = Field(default=False, serialization_alias="response.streamingMode")
    metadata_organization: str = Field(default=ABSENT, serialization_alias="metadata.organization")
    metadata_user: str = Field(
        default=ABSENT, description="Counted as user.", serialization_alias="metadata._user"
    )
    metadata_trace_id: str = Field(default=ABSENT, serialization_alias="metadata.traceId")
    metadata_span_id: str = Field(default=ABSENT, serialization_alias="metadata.spanId")
    metadata_span_name: str = Field(default=ABSENT, serialization_alias="metadata.spanName")
    metadata_parent_span_id: str = Field(
        default=ABSENT, serialization_alias="metadata.parentSpanId"
    )
    metadata_custom: dict[str, Any] = Field(
        default=ABSENT, description="More metadata.", serialization_alias="metadata.custom"
    )

    def wire(self) -> dict[str, Any]:
        """Send required parts even if they are empty, and custom metadata beside the other."""
        body = super().wire()
        metadata = body.get("metadata", {})
        metadata |= metadata.pop("custom", {})
        metadata |= {o: metadata[n] for n, o in BOTH_SPELLINGS.items() if n in metadata}
        request = {"url": "", "method": self.request_method, "body": {}, **body.get("request", {})}
        response = {"status": self.response_status, "body": {}, **body.get("response", {})}
        return {
            "request": request,
            "response": response,
            **({"metadata": metadata} if metadata else {}),
        }


class LogLookup(Arguments):
    """How to look up a log; none of this is in Portkey's OpenAPI file."""

    path_format: Literal["v1", "v2"] = Field(default=ABSENT, description="v2 needs created_at.")
    created_at: Moment = ABSENT
    type: Literal["hooks"] = Field(default=ABSENT, description="The guardrails' results.")

    @model_validator(mode="after")
    def _has_time(self) -> Self:
        if self.path_format == "v2" and not self.given("created_at"):
            raise ValueError("path_format v2 needs created_at, the time of the request")
        return self


class Log(Record):
    """A request and its answer."""

    id: str | None = Field(default=None, alias="_id")
    request: Json | None = None
    response: Json | None = None
    created_at: str | None = None
    metrics: Json | None = Field(default=None, description="Cost, tokens, latency, trace")
