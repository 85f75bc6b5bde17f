"""The model catalogue: public facts about models, and which of them a key may call."""

from ..models.model_catalog import (
    CallableModels,
    ModelCapabilities,
    ModelName,
    ModelPricing,
    PriceListRecord,
    ProviderName,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /model-configs/pricing/{provider}/{model}", scope=None, base="root", needs_key=False)
async def get_model_pricing(api: Portkey, provider: ProviderName, model: ModelName) -> ModelPricing:
    """Read what a model costs, in USD cents per token.

    For all models of a provider use `get_provider_price_list`.
    """
    ...


@tool(
    "GET /model-configs/general/{provider}/{model}",
    scope=None,
    base="root",
    needs_key=False,
    unconfirmed="Documented by example; fields differ between models.",
)
async def get_model_capabilities(
    api: Portkey, provider: ProviderName, model: ModelName
) -> ModelCapabilities:
    """Read what a model takes and can do: parameters, limits, modalities."""
    ...


@tool(
    "GET /pricing/{provider}.json",
    scope=None,
    base="prices",
    needs_key=False,
    unconfirmed="A public file at an address of its own.",
)
async def get_provider_price_list(api: Portkey, provider: ProviderName) -> PriceListRecord:
    """Read the prices of every model of a provider, in USD cents per token; long.

    For one model use `get_model_pricing`.
    """
    ...


@tool("GET /models", scope=("models.list", "completions.write", "virtual_keys.list"))
async def list_callable_models(api: Portkey) -> CallableModels:
    """List the models a workspace key may call, under the names requests use."""
    ...
