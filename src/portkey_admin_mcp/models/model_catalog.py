"""The model catalogue: what models can do and what they cost, and which a key may call."""

from typing import Annotated, Any

from pydantic import Field

from .core.base import Record

ProviderName = Annotated[str, Field(min_length=1, description="openai, anthropic…")]
ModelName = Annotated[str, Field(min_length=1, description="e.g. gpt-5.")]


class ModelPricing(Record):
    """Prices of one model, in USD cents per token unless they say otherwise."""

    currency: str | None = None
    pay_as_you_go: dict[str, Any] | None = Field(
        default=None, description="request_token.price, response_token.price…; cents per token"
    )


class ModelCapabilities(Record):
    """What one model takes and can do."""

    params: list[dict[str, Any]] | None = None
    type: dict[str, Any] | None = None


class PriceListRecord(Record):
    """Prices of every model of a provider, by model; cents per token."""


class CallableModel(Record):
    """A model that this key may call."""

    id: str | None = Field(default=None, description="What requests name, e.g. @openai/gpt-5")


class CallableModels(Record):
    """The models that this key may call."""

    rows_in = "data"

    data: list[CallableModel] = []
