"""The model catalogue: a few models with plausible prices, in USD cents per token."""

from typing import Any

from pydantic import Field

from .core.answers import Refusal
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .shared.prices import CENTS_PER_MILLION

PRICES = {
    provider: {model: tuple(cents / 1_000_000 for cents in each) for model, each in models.items()}
    for provider, models in CENTS_PER_MILLION.items()
}
"""By provider and model: the price of an input and of an output token, in cents."""


class ModelBody(Body):
    """One model of an integration."""

    slug: str = Field(min_length=1)
    enabled: bool
    is_custom: bool | None = None
    is_finetune: bool | None = None
    base_model_slug: str | None = None
    configurations: dict[str, Any] | None = None
    pricing_config: dict[str, Any] | None = None


class ModelsBody(Body):
    """Which models may be used."""

    models: list[ModelBody]
    allow_all_models: bool | None = None


class ModelNotFound(Refusal):
    """The error "not found" in the form of the public catalogue."""

    def __init__(self) -> None:
        super().__init__(404, "Model not found")

    def body(self) -> dict[str, Any]:
        """The error as one sentence."""
        return {"error": self.message}


@route("GET /model-configs/pricing/{provider}/{model}", scope=None, who="anyone", base="root")
def get_model_pricing(call: Call) -> Row:
    """The prices of one model."""
    return _pricing(*_price(call))


@route("GET /model-configs/general/{provider}/{model}", scope=None, who="anyone", base="root")
def get_model_capabilities(call: Call) -> Row:
    """The parameters of one model; the same for all models here."""
    _price(call)
    return {
        "params": [
            {"key": "max_tokens", "defaultValue": 1024, "minValue": 1, "maxValue": 128_000},
            {"key": "temperature", "defaultValue": 1, "minValue": 0, "maxValue": 2},
        ],
        "type": {"primary": "chat", "supported": ["tools", "image"]},
    }


@route("GET /pricing/{provider}.json", scope=None, who="anyone", base="root")
def get_provider_price_list(call: Call) -> Row:
    """The prices of all models of a provider."""
    models = PRICES.get(call.ids["provider"])
    if models is None:
        raise ModelNotFound
    return {name: {"pricing_config": _pricing(*price)} for name, price in models.items()}


@route(
    "GET /models",
    scope=("models.list", "completions.write", "virtual_keys.list"),
    who="workspace",
)
def list_callable_models(call: Call) -> Row:
    """The models of the workspace's providers, without those that an integration disables."""
    keys = call.table("virtual_keys").where(workspace_id=call.workspace()["id"])
    data = [
        {
            "id": f"@{key['slug']}/{model}",
            "slug": model,
            "canonical_slug": model,
            "object": "model",
        }
        for key in keys
        for model in _callable(call, key)
    ]
    return {"object": "list", "total": len(data), "data": data}


def _callable(call: Call, key: Row) -> list[str]:
    integration = call.table("integrations").get(key.get("integration_id"))
    if integration is None:
        return [*PRICES.get(key["_provider"], {})]
    return [model["slug"] for model in models_of(integration) if model["enabled"]]


def models_of(integration: Row) -> list[dict[str, Any]]:
    """The built-in models of an integration's provider, and its custom models."""
    built_in = {
        slug: {
            "slug": slug,
            "name": slug,
            "enabled": integration["allow_all_models"],
            "is_custom": False,
        }
        for slug in PRICES.get(integration["ai_provider_id"], {})
    }
    added = {
        slug: {**built_in.get(slug, {"name": slug, "is_custom": True}), **model}
        for slug, model in integration["_models"].items()
    }
    return [*{**built_in, **added}.values()]


def _price(call: Call) -> tuple[float, ...]:
    price = PRICES.get(call.ids["provider"], {}).get(call.ids["model"])
    if price is None:
        raise ModelNotFound
    return price


def _pricing(request: float, response: float) -> dict[str, Any]:
    return {
        "pay_as_you_go": {
            "request_token": {"price": request},
            "response_token": {"price": response},
        },
        "calculate": {
            "request": {"operation": "multiply", "operands": []},
            "response": {"operation": "multiply", "operands": []},
        },
        "currency": "USD",
    }
