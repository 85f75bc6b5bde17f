"""What the tools of prompts read besides, and what they say if they may not read it."""

import pytest
from pydantic import SecretStr

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.models.prompt_runs import Rendering
from portkey_admin_mcp.models.prompts import PromptCreation, PromptPatch
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.workflows.create_prompt import create_prompt
from portkey_admin_mcp.workflows.prompts.template_variables import NOT_COMPARED, Names, names_in
from portkey_admin_mcp.workflows.render_prompt import render_prompt
from portkey_admin_mcp.workflows.update_prompt import update_prompt

FORBIDDEN = Answer(status=403, body={"error": {"message": "no", "code": "AB03"}})


async def with_answers(answers, call):
    """What a call makes of Portkey's answers, one after the other."""
    with FakePortkey() as fake:
        fake.script(answers)
        settings = Settings(PORTKEY_API_KEY=SecretStr("k"), **fake.settings)
        network = Network(settings)
        try:
            return (await call(Portkey(settings, network))).answer()
        finally:
            await network.close()


async def test_a_provider_that_the_key_may_not_list_counts_as_not_checked():
    draft = PromptCreation(
        name="n", collection_id="c", string="s", parameters={}, model="m", virtual_key="v",
        dry_run=True,
    )  # fmt: skip

    answer = await with_answers(
        [Answer(body={"id": "c", "workspace_id": "w"}), FORBIDDEN],
        lambda api: create_prompt(api, draft),
    )

    assert (answer["action"], answer["not_checked"]) == (
        "create",
        ["model", "parameters", "virtual_key"],
    )


async def test_a_provider_beyond_the_pages_that_are_read_counts_as_not_checked():
    page = Answer(body={"total": 9000, "data": [{"slug": "other"}]})
    draft = PromptCreation(
        name="n", collection_id="c", string="s", parameters={}, model="m", virtual_key="v",
        dry_run=True,
    )  # fmt: skip

    answer = await with_answers(
        [Answer(body={"id": "c", "workspace_id": "w"}), *[page] * 20],
        lambda api: create_prompt(api, draft),
    )

    assert "virtual_key" in answer["not_checked"]
    assert "problems" not in answer


async def test_a_prompt_that_may_be_rendered_and_not_read_says_that_nothing_was_compared():
    answer = await with_answers(
        [Answer(body={"success": True, "data": {}}), FORBIDDEN],
        lambda api: render_prompt(api, "pp-a", Rendering(variables={})),
    )

    assert answer["notes"] == [NOT_COMPARED]


async def test_a_write_succeeds_though_its_number_cannot_be_read():
    answer = await with_answers(
        [Answer(body={"id": "p", "prompt_version_id": "v"}), FORBIDDEN],
        lambda api: update_prompt(api, "p", PromptPatch(string="Hi")),
    )

    assert answer == {"id": "p", "prompt_version_id": "v"}


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{a}} {{{b}}} {{& c }} {{a}}", Names(["a", "b", "c"], [], False)),
        ("{{#s}}{{a}}{{/s}}{{^t}}{{b}}{{/t}}{{c.d}}", Names(["c"], ["s", "a", "t", "b"], False)),
        ("{{! a }}{{>p}}{{.}}", Names([], [], True)),
        ('[{"role":"user","content":"{{a}}"}]', Names(["a"], [], False)),
        ("{{=<% %>=}}<%a%>", None),
        ("no braces, {one}, }}", Names([], [], False)),
    ],
)
def test_the_names_in_a_template(template, names):
    assert names_in(template) == names
