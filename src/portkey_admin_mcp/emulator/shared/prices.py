"""The models that the emulator knows, and their prices: its own, close to real ones."""

import re
from functools import lru_cache
from typing import Any

_OPENAI = {
    "gpt-5": (125, 1_000),
    "gpt-5-mini": (25, 200),
    "gpt-4.1": (200, 800),
    "gpt-4.1-mini": (40, 160),
    "gpt-4o": (250, 1_000),
    "gpt-4o-mini": (15, 60),
    "o3": (200, 800),
    "o4-mini": (110, 440),
    "text-embedding-3-small": (2, 0),
    "text-embedding-3-large": (13, 0),
}
_GOOGLE = {
    "gemini-3-flash": (30, 250),
    "gemini-2.5-pro": (125, 1_000),
    "gemini-2.5-flash": (30, 250),
}
CENTS_PER_MILLION: dict[str, dict[str, tuple[int, int]]] = {
    "openai": _OPENAI,
    "azure-openai": _OPENAI,
    "anthropic": {
        "claude-sonnet-5": (300, 1_500),
        "claude-opus-4": (1_500, 7_500),
        "claude-sonnet-4": (300, 1_500),
        "claude-3-5-haiku": (80, 400),
    },
    "google": _GOOGLE,
    "vertex-ai": _GOOGLE,
    "bedrock": {
        "anthropic.claude-sonnet-4": (300, 1_500),
        "amazon.nova-pro-v1:0": (80, 320),
    },
    "mistral-ai": {"mistral-large-latest": (200, 600), "mistral-small-latest": (10, 30)},
    "groq": {"llama-3.3-70b-versatile": (59, 79)},
    "cohere": {"command-r-plus": (250, 1_000)},
    "deepseek": {"deepseek-chat": (27, 110)},
}
"""By provider and model: the price of a million input tokens, and of a million output tokens."""
_ANY_PROVIDER = {
    model: price for models in CENTS_PER_MILLION.values() for model, price in models.items()
}
_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


def price(model: str, tokens_in: int, tokens_out: int) -> int:
    """The cost of a request in ten-thousandths of a cent; 0 for a model without a price.

    A model may be named with its provider (`openai/gpt-4o`) and with a date (`gpt-4o-2024-08-06`).
    """
    price_in, price_out = _prices(model)
    return (tokens_in * price_in + tokens_out * price_out) // 100


@lru_cache(maxsize=128)
def _prices(model: str) -> tuple[int, int]:
    """The cents for a million input tokens, and for a million output tokens; 0 if not known."""
    name = model.rpartition("/")[2]
    return _ANY_PROVIDER.get(name) or _ANY_PROVIDER.get(_DATE.sub("", name)) or (0, 0)


def figures_of(model: str, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The columns of `requests` with the tokens and the cost of a completion."""
    return {
        "req_units": prompt_tokens,
        "res_units": completion_tokens,
        "total_units": prompt_tokens + completion_tokens,
        "cost": price(model, prompt_tokens, completion_tokens),
        "latency": 1,
    }
