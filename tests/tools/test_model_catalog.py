"""The model catalogue, as a model sees it."""

from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools.model_catalog import get_model_pricing, get_provider_price_list


async def test_a_models_price_and_a_providers_price_list_agree(ask):
    one = await ask("get_model_pricing", provider="openai", model="gpt-5")
    every = await ask("get_provider_price_list", provider="openai")

    assert one["pay_as_you_go"]["request_token"] == {"price": 0.000125}
    assert every["gpt-5"]["pricing_config"] == one
    assert {"gpt-5", "gpt-5-mini", "gpt-4o"} <= set(every)


async def test_a_model_says_what_it_takes(ask):
    answer = await ask("get_model_capabilities", provider="anthropic", model="claude-sonnet-5")

    assert {each["key"] for each in answer["params"]} == {"max_tokens", "temperature"}


async def test_an_unknown_model_is_not_found_in_the_catalogues_own_words(refusal):
    advice = await refusal("get_model_pricing", provider="openai", model="gpt-0")

    assert "404" in advice
    assert "Model not found" in advice


async def test_the_public_catalogue_is_asked_without_the_key(emulator):
    requests = []

    class Watching(InProcess):
        async def __call__(self, method, target, headers, body):
            requests.append((target, "x-portkey-api-key" in headers))
            return await super().__call__(method, target, headers, body)

    api = Portkey(Settings(PORTKEY_API_KEY=SecretStr("a-key")), Watching(emulator))
    await get_model_pricing(api, "openai", "gpt-5")
    await get_provider_price_list(api, "openai")

    assert requests == [
        ("/model-configs/pricing/openai/gpt-5", False),
        ("https://configs.portkey.ai/pricing/openai.json", False),
    ]


async def test_callable_models_are_those_of_the_workspaces_own_keys(ask):
    answer = await ask("list_callable_models")

    models = {row["id"].partition("/")[2] for row in answer["data"]}
    assert {"gpt-5", "gpt-5-mini", "gpt-4o"} <= models
    assert not {"claude-sonnet-5", "gemini-3-flash"} & models
