"""Configs: how the gateway routes, retries, caches and guards requests."""

import json
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record, unwrapped
from .core.gateway_config import check_gateway_config
from .core.paging import Page
from .core.vocabulary import InWorkspace, Json, Number

SHORT_FORMS = (
    "cache_mode",
    "cache_max_age",
    "retry_attempts",
    "retry_on_status_codes",
    "strategy_mode",
    "fallback_on_status_codes",
    "targets",
)


class ConfigContent(Arguments):
    """A config, as one object or in short forms for its most common parts."""

    config: Json = Field(
        default=ABSENT,
        description="The whole config: strategy, nested targets, weights, conditions, cache, "
        "retry, guardrails, override_params, passthrough…",
    )
    cache_mode: Literal["simple", "semantic"] = Field(
        default=ABSENT, serialization_alias="config.cache.mode"
    )
    cache_max_age: Number = Field(
        default=ABSENT, gt=0, description="Seconds.", serialization_alias="config.cache.max_age"
    )
    retry_attempts: int = Field(
        default=ABSENT, ge=1, le=5, serialization_alias="config.retry.attempts"
    )
    retry_on_status_codes: list[int] = Field(
        default=ABSENT,
        description="Codes to ask the same target again.",
        serialization_alias="config.retry.on_status_codes",
    )
    strategy_mode: Literal["loadbalance", "fallback"] = Field(
        default=ABSENT, serialization_alias="config.strategy.mode"
    )
    fallback_on_status_codes: list[int] = Field(
        default=ABSENT,
        description="Codes to take the next target; else any error.",
        serialization_alias="config.strategy.on_status_codes",
    )
    targets: list[Json] = Field(
        default=ABSENT,
        description="Each {virtual_key or provider, weight, override_params…}.",
        serialization_alias="config.targets",
    )
    workspace_id: InWorkspace = ABSENT

    @model_validator(mode="after")
    def _config_is_valid(self) -> Self:
        short = self.given(*SHORT_FORMS)
        if "config" in self.model_fields_set and short:
            raise ValueError(f"give config or its short forms ({', '.join(short)}), not both")
        if "fallback_on_status_codes" in short and self.strategy_mode == "loadbalance":
            raise ValueError("fallback_on_status_codes needs strategy_mode fallback")
        if config := self.wire().get("config"):
            check_gateway_config(config)
        return self

    def wire(self) -> dict[str, Any]:
        """Add the mode of a fallback, if only its status codes are given."""
        body = super().wire()
        if self.given("fallback_on_status_codes") and not self.given("strategy_mode"):
            body["config"]["strategy"]["mode"] = "fallback"
        return body


class ConfigDraft(ConfigContent):
    """A new config."""

    name: str = Field(min_length=1)
    is_default: int = Field(
        default=ABSENT, ge=0, le=1, description="0 or 1.", serialization_alias="isDefault"
    )

    @model_validator(mode="after")
    def _has_config(self) -> Self:
        if not self.given("config", *SHORT_FORMS):
            raise ValueError(f"give config, or at least one of {', '.join(SHORT_FORMS)}")
        return self


class ConfigPatch(ConfigContent, Patch):
    """The fields of a config that an update may change; `config` replaces the old one."""

    selectors = ("workspace_id",)

    name: str = Field(default=ABSENT, min_length=1)
    status: Literal["active", "inactive"] = ABSENT


class Config(Record):
    """A config; `config` is decoded from the JSON text Portkey keeps it in."""

    summary_fields = (
        "slug",
        "id",
        "name",
        "status",
        "is_default",
        "version_id",
        "config",
        "owner_id",
        "created_at",
    )

    id: str | None = None
    slug: str | None = Field(default=None, description="`pc-…`, what requests and keys refer to")
    name: str | None = None
    workspace_id: str | None = None
    status: str | None = None
    version_id: str | None = None
    config: dict[str, Any] | str | None = None

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept the flat answer seen live, and the `data` envelope of the OpenAPI file."""
        return super().read(_decoded(unwrapped(raw)))


class ConfigPage(Page[Config]):
    """Configs, or the versions of one, newest first."""

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Decode each config."""
        rows = raw.get("data") if isinstance(raw, dict) else None
        if isinstance(rows, list):
            raw = {**raw, "data": [_decoded(row) for row in rows]}
        return super().read(raw)


class ConfigRef(Record):
    """A written config and its new version."""

    id: str | None = None
    slug: str | None = None
    version_id: str | None = None

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept an answer with or without a `data` envelope."""
        return super().read(unwrapped(raw))


def _decoded(row: Any) -> Any:
    if not isinstance(row, dict) or not isinstance(row.get("config"), str):
        return row
    try:
        return {**row, "config": json.loads(row["config"])}
    except (ValueError, RecursionError):
        return row
