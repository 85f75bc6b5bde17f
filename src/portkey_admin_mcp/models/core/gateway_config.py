"""Portkey's config language, as far as a config can be checked before it is sent.

A config is sent as it is. What is checked is what Portkey or the gateway would fail on: a mode
that does not exist, a target that no rule can reach, a misspelt key. Other unknown keys are
accepted, since every provider has keys of its own.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel

from ...suggestions import suggest

MAX_DEPTH = 30
MAX_PROBLEMS = 6
MAX_SPELLING_CHECKS = 200
"""Unknown keys of one config that are compared with the known ones; the rest are accepted."""
MISSPELLING_CUTOFF = 0.86
"""How alike an unknown key must be to a known one to be refused as a misspelling, from 0 to 1."""


def _slug_or_object(value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise ValueError("a guardrail is a slug, or an object that says what to check")
    return value


StatusCode = Annotated[int, Field(ge=100, le=599)]
Guardrails = list[Annotated[Any, AfterValidator(_slug_or_object)]]
Hooks = list[dict[str, Any]]


class _Part(BaseModel):
    """A part of a config. The gateway reads snake_case and camelCase alike."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        allow_inf_nan=False,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,
    )

    @model_validator(mode="after")
    def _keys_are_spelled_correctly(self, info: ValidationInfo) -> Self:
        checks: Iterator[int] = info.context or iter(range(MAX_SPELLING_CHECKS))
        key_names = [*type(self).model_fields, *map(to_camel, type(self).model_fields)]
        for name in self.model_extra or ():
            if name in key_names:
                raise ValueError(f"{name} is also given as {to_camel(name)}; remove one of them")
            if next(checks, None) is None:
                continue
            if hint := suggest(name, key_names, limit=1, cutoff=MISSPELLING_CUTOFF):
                raise ValueError(f"unknown key {name[:40]!r}; {hint}")
        return self


class _Retry(_Part):
    attempts: Annotated[int, Field(ge=0, le=5)]
    on_status_codes: list[StatusCode] | None = None
    use_retry_after_header: bool | None = None


class _Cache(_Part):
    mode: Literal["simple", "semantic"]
    max_age: Annotated[float, Field(gt=0)] | None = None


class _Condition(_Part):
    query: dict[str, Any]
    then: str


class _Strategy(_Part):
    mode: Literal["single", "loadbalance", "fallback", "conditional"]
    on_status_codes: list[StatusCode] | None = None
    conditions: list[_Condition] | None = None
    default: str | None = None

    @model_validator(mode="after")
    def _conditional_mode_has_conditions(self) -> Self:
        if self.mode == "conditional" and not self.conditions:
            raise ValueError("mode conditional needs conditions: [{query, then}]")
        return self

    def destinations(self) -> Iterator[tuple[str, str]]:
        """The path of each field that names a target, with the name."""
        for position, condition in enumerate(self.conditions or ()):
            yield f"conditions.{position}.then", condition.then
        if self.default is not None:
            yield "default", self.default


class _Target(_Part):
    """A provider to send a request to, or a strategy over more targets."""

    name: str | None = None
    provider: str | None = None
    virtual_key: str | None = None
    api_key: str | None = None
    weight: Annotated[float, Field(ge=0)] | None = None
    strategy: _Strategy | None = None
    targets: Annotated[list["_Target"], Field(min_length=1)] | None = None
    retry: _Retry | None = None
    cache: _Cache | None = None
    override_params: dict[str, Any] | None = None
    default_params: dict[str, Any] | None = None
    drop_params: list[str] | None = None
    request_timeout: Annotated[int, Field(ge=1)] | None = None
    custom_host: str | None = None
    forward_headers: list[str] | None = None
    metadata: dict[str, Any] | None = None
    input_guardrails: Guardrails | None = None
    output_guardrails: Guardrails | None = None
    before_request_hooks: Hooks | None = None
    after_request_hooks: Hooks | None = None
    strict_open_ai_compliance: bool | None = None
    passthrough: Any = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.strategy is None:
            return self
        if self.targets is None and self.strategy.mode != "single":
            raise ValueError(f"strategy {self.strategy.mode} needs targets to choose from")
        names = [target.name for target in self.targets or () if target.name]
        for place, name in self.strategy.destinations():
            if name not in names:
                target_names = ", ".join(names) or "none has a name"
                raise ValueError(f"strategy.{place} names no target; the names are: {target_names}")
        return self


class GatewayConfig(_Target):
    """The root of a config."""

    @model_validator(mode="after")
    def _pass_through(self) -> Self:
        """`passthrough` allows no targets and no strategy (Portkey's changelog, backend 1.15.0)."""
        if self.passthrough and (self.targets is not None or self.strategy is not None):
            raise ValueError("passthrough cannot be combined with targets or strategy")
        return self


def check_gateway_config(config: dict[str, Any]) -> None:
    """Refuse a config that cannot work.

    Raises ValueError with the first problems, each with its path, `config.strategy.mode`, and
    what to correct. Values are not repeated, since a config may hold provider keys.
    """
    if _depth(config) > MAX_DEPTH:
        raise ValueError(f"config: nested more than {MAX_DEPTH} levels deep")
    try:
        GatewayConfig.model_validate(config, context=iter(range(MAX_SPELLING_CHECKS)))
    except ValidationError as error:
        problems = [_message(problem) for problem in error.errors(include_input=False)]
        raise ValueError("; ".join(problems[:MAX_PROBLEMS])) from None


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth


def _message(problem: Any) -> str:
    path = ".".join(["config", *map(str, problem["loc"])])
    if problem["type"] == "value_error":
        return f"{path}: {problem['ctx']['error']}"
    if problem["type"] == "model_type":
        return f"{path}: input should be an object"
    return f"{path}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
