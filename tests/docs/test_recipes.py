"""Every recipe of the documentation works on the emulator, and one that does not is noticed."""

from pathlib import Path

import pytest
from doc_pages.recipe_pages import recipe_groups
from doc_pages.recipe_runner import RecipeFailed, matches, run_recipe

ROOT = Path(__file__).parents[2]
GROUPS = recipe_groups(ROOT / "docs/recipes")
RECIPES = [recipe for group in GROUPS.values() for recipe in group["recipes"]]
LIST_KEYS = {"call": "list_api_keys", "arguments": {"page_size": 100}}
DELETE_KEY = {
    "call": "delete_api_key",
    "arguments": {"id": "573f3743-9c9c-482a-b3bf-47a0ae28d435"},
}


def test_there_are_twenty_recipes_or_more():
    titles = [recipe["title"] for recipe in RECIPES]

    assert len(titles) >= 20
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe["title"])
async def test_a_recipe_works(recipe):
    results = await run_recipe(recipe)

    assert len(results) == len(recipe["steps"])
    assert any("call" in step for step in recipe["steps"])
    assert "assistant" in recipe["steps"][-1]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({**LIST_KEYS, "expect": {"total": 7}}, '"total": 8'),
        ({**LIST_KEYS, "expect": {"data": [{"name": "Nobody's"}]}}, "Nightly batch"),
        ({**LIST_KEYS, "save": {"key": "data[name=Nobody's].id"}}, "not one row: 0"),
        ({**LIST_KEYS, "fails": "refused"}, "passed"),
        ({"call": "get_api_key", "arguments": {"id": "x"}}, "failed"),
        ({"call": "list_keys"}, "There is no tool 'list_keys'"),
        ({**DELETE_KEY, "arguments": {"id": "${key}"}}, "nothing is saved as key"),
        (DELETE_KEY, "the person was asked"),
        ({**LIST_KEYS, "confirm": True}, r"the person was asked: \[\]"),
        ({"command": "approve"}, "not enough values"),
        ({"command": "sleep"}, "there is no command sleep"),
        ({"says": "nothing"}, "give one of person"),
    ],
)
async def test_a_step_that_does_something_else_fails_the_recipe(step, why):
    with pytest.raises(RecipeFailed, match=why):
        await run_recipe({"title": "Wrong", "steps": [step]})


async def test_a_policy_and_settings_of_a_recipe_are_in_force():
    denied = {"call": "whoami", "fails": "Not here"}
    policy = "rules: [{action: deny, tool: whoami, principal: {name: local}, why: Not here.}]"
    absent = {**DELETE_KEY, "fails": "There is no tool"}

    await run_recipe({"title": "Policy", "policy": policy, "steps": [denied]})
    await run_recipe({"title": "Read", "settings": {"PORTKEY_READ_ONLY": True}, "steps": [absent]})


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ({"rows": [{"n": 2}]}, {"rows": [{"n": 1}, {"n": 2, "m": 3}]}, True),
        ({"rows": [{"n": 3}]}, {"rows": [{"n": 1}]}, False),
        ({"rows#": 2}, {"rows": [1, 2]}, True),
        ({"rows#": 3}, {"rows": [1, 2]}, False),
        ({"at": "~^2026-11"}, {"at": "2026-11-02"}, True),
        ({"at": "~^2026-11"}, {"at": "2026-10-02"}, False),
        ({"a": None}, {"a": 0}, True),
    ],
)
def test_what_is_expected_is_compared_as_written(expected, actual, fits):
    assert matches(expected, actual) is fits
