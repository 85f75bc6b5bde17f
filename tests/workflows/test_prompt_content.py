"""What makes one version of a prompt differ from another, and which sources cannot be promoted."""

import pytest
from pydantic import SecretStr

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.errors import InputError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.workflows.download_log_export import _first_rows
from portkey_admin_mcp.workflows.promote_prompt import Promotion, promote_prompt
from portkey_admin_mcp.workflows.prompts.content import (
    TargetPrompt,
    changed_fields,
    latest_version,
)

SOURCE = {
    "id": "p",
    "slug": "pp-x",
    "name": "Greet",
    "prompt_version": 3,
    "string": "Hi",
    "parameters": {},
    "model": "m",
    "virtual_key": "v",
}
PROMOTION = Promotion(target_collection_id="c", target_env="prod")


async def with_answers(bodies, call):
    """What a call makes of Portkey's answers, one after the other; and the requests it made."""
    with FakePortkey() as fake:
        fake.script([Answer(body=body) for body in bodies])
        settings = Settings(PORTKEY_API_KEY=SecretStr("k"), **fake.settings)
        network = Network(settings)
        try:
            return await call(Portkey(settings, network)), fake.requests
        finally:
            await network.close()


def target(**content):
    return TargetPrompt("n", "c", content, {}, {}, {})


@pytest.mark.parametrize(
    ("body", "current", "changed"),
    [
        ({"version_description": "a"}, {"prompt_version_description": "a"}, []),
        ({"version_description": "a"}, {"version_description": "a"}, ["version_description"]),
        (
            {"version_description": "a"},
            {"prompt_version_description": "b"},
            ["version_description"],
        ),
        ({"string": '[{"role": "user"}]'}, {"string": '[{"role":"user"}]'}, []),
        ({"string": "Hi"}, {"string": "Ho"}, ["string"]),
        ({"is_raw_template": 0}, {}, []),
        ({"is_raw_template": 1}, {"is_raw_template": True}, []),
        ({"is_raw_template": 1}, {"is_raw_template": 0}, ["is_raw_template"]),
        ({"is_raw_template": 2}, {"is_raw_template": 1}, []),
        ({"parameters": {"a": 1}}, {"parameters": {"a": 1, "model": "m"}}, []),
        ({"parameters": {"a": 1}}, {"parameters": {"a": 1, "b": None}}, []),
        ({"parameters": {"a": 1}}, {"parameters": None}, ["parameters"]),
        ({"tools": []}, {"tools": None}, []),
        ({"model": "m"}, {"model": None}, ["model"]),
        ({"patch": True}, {}, []),
        ({"prompt_metadata": {"a": 1}}, {"template_metadata": {"a": 1, "b": 2}}, []),
        ({"prompt_metadata": {"a": 1}}, {"template_metadata": {"a": 2}}, ["prompt_metadata"]),
        ({"prompt_metadata": {"a": 1}}, {"template_metadata": None}, ["prompt_metadata"]),
    ],
)
def test_only_what_a_model_would_notice_is_a_difference(body, current, changed):
    assert changed_fields(body, current) == changed


def test_a_replacement_differs_in_what_the_version_has_too_much():
    current = {"string": "Hi", "tools": [{"type": "function"}]}
    replacing = TargetPrompt("n", "c", {"string": "Hi"}, {}, {}, {}, replaces_content=True)

    assert target(string="Hi").changed_fields(current) == []
    assert replacing.changed_fields(current) == ["tools"]


async def test_a_prompt_without_versions_has_no_latest_one():
    version, requests = await with_answers(
        [{"total": 0, "data": []}], lambda api: latest_version(api, "p")
    )

    assert version == {}
    assert len(requests) == 1


async def test_the_latest_version_is_the_one_with_the_highest_number():
    rows = [{"id": "1", "prompt_version": None}, {"id": "9", "prompt_version": 9}, {"id": "2"}]
    version, requests = await with_answers(
        [{"total": 3, "data": rows}, {"id": "9"}], lambda api: latest_version(api, "p")
    )

    assert version["id"] == "9"
    assert requests[1].target.endswith("/versions/9")


@pytest.mark.parametrize(
    ("missing", "message"), [("virtual_key", "no virtual_key"), ("string", "no template")]
)
async def test_a_source_without_a_key_or_a_template_is_not_promoted(missing, message):
    with pytest.raises(InputError, match=message):
        await with_answers(
            [{**SOURCE, missing: ""}], lambda api: promote_prompt(api, "p", PROMOTION)
        )


async def test_what_was_promoted_is_named_by_its_id():
    prompt = {**SOURCE, "id": "t", "slug": "pp-t", "name": "Greet-prod", "parameters": {"a": 1}}
    source = {**SOURCE, "parameters": {"a": 1}}
    promoted, requests = await with_answers(
        [
            source,
            {"total": 1, "data": [prompt]},
            {"total": 1, "data": [{"id": "1", "prompt_version": 1}]},
            {**prompt, "prompt_version_id": "1"},
        ],
        lambda api: promote_prompt(api, "pp-x", PROMOTION),
    )

    assert (promoted.action, promoted.source_prompt_id, promoted.prompt_id) == (
        "unchanged",
        "p",
        "t",
    )
    assert promoted.version_id == "1"
    assert {request.method for request in requests} == {"GET"}


def test_the_first_rows_of_a_file_are_its_first_objects():
    content = b'{"a": 1}\n[1]\n7\nnonsense\n{"a": 2}\n{"a": 3}\n{"a"'

    assert _first_rows(content, 2) == [{"a": 1}, {"a": 2}]
    assert _first_rows(content, 9) == [{"a": 1}, {"a": 2}, {"a": 3}]
