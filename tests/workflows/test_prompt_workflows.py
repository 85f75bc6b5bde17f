"""Migrating and promoting prompts: what is written, what is not, and what is said of it."""

import pytest
from pydantic import SecretStr

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.errors import ApiError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.workflows.promote_prompt import Promotion, promote_prompt


@pytest.fixture
def place(emulator, workspace):
    support = workspace("Support")
    (folder,) = emulator.store.table("collections").where(workspace_id=support, name="Macros")
    provider = emulator.store.table("virtual_keys").where(workspace_id=support)[0]
    return {"collection_id": folder["id"], "virtual_key": provider["slug"]}


@pytest.fixture
def migration(place):
    return {
        "name": "Triage",
        "app": "desk",
        "env": "dev",
        "messages": [{"role": "user", "content": "Triage {{text}}"}],
        "parameters": {"temperature": 0},
        "model": "gpt-5",
        "tools": [{"type": "function", "function": {"name": "route"}}],
        **place,
    }


@pytest.fixture
def versions(ask):
    async def count(slug):
        return (await ask("list_prompt_versions", prompt_id=slug))["total"]

    return count


@pytest.fixture
async def production(ask, workspace):
    """A collection for another environment."""
    created = await ask("create_collection", name="Production", workspace_id=workspace("Support"))
    return created["id"]


def writes(emulator):
    return [line for line in emulator.log if not line.startswith("GET")]


async def test_a_missing_prompt_is_created_and_then_left_alone(ask, migration, versions, emulator):
    first = await ask("migrate_prompt", **migration)
    emulator.log.clear()
    again = await ask("migrate_prompt", **migration)

    assert (first["action"], again["action"]) == ("created", "unchanged")
    assert first["slug"] == again["slug"]
    assert first["version_id"] == again["version_id"]
    assert await versions(first["slug"]) == 1
    assert not writes(emulator)
    prompt = await ask("get_prompt", prompt_id=first["slug"])
    assert first["prompt_id"] == prompt["id"]
    metadata = prompt["template_metadata"]
    assert (metadata["app"], metadata["env"]) == ("desk", "dev")
    assert metadata["migrated_at"].endswith("Z")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"messages": [{"role": "user", "content": "Sort {{text}}"}]}, "string"),
        ({"parameters": {"temperature": 1}}, "parameters"),
        ({"model": "gpt-5-mini"}, "model"),
        ({"tools": []}, "tools"),
        ({"tool_choice": {"mode": "auto"}}, "tool_choice"),
        ({"env": "prod"}, "prompt_metadata"),
        ({"template_metadata": {"team": "x"}}, "prompt_metadata"),
        ({"is_raw_template": True}, "is_raw_template"),
    ],
)
async def test_any_difference_makes_one_version_and_a_repetition_none(
    ask, migration, versions, change, named
):
    created = await ask("migrate_prompt", **migration)

    second = await ask("migrate_prompt", **migration | change)
    third = await ask("migrate_prompt", **migration | change)

    assert (second["action"], third["action"]) == ("updated", "unchanged")
    assert any(f"differs in {named}" in step for step in second["steps"])
    assert third["version_id"] == second["version_id"] != created["version_id"]
    assert await versions(created["slug"]) == 2
    # The new version is not in force.
    assert (await ask("get_prompt", prompt_id=created["slug"]))["prompt_version"] == 1


async def test_a_name_is_found_on_any_page_in_any_case(ask, migration, place, emulator):
    created = await ask("migrate_prompt", **migration)
    for number in range(101):
        await ask(
            "create_prompt",
            name=f"Not Triage {number}",
            string="x",
            parameters={},
            model="m",
            **place,
        )

    for name in ("Triage", "TRIAGE"):
        again = await ask("migrate_prompt", **migration | {"name": name})
        assert (again["action"], again["slug"]) == ("unchanged", created["slug"])


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(ask, migration, emulator):
    emulator.log.clear()
    answer = await ask("migrate_prompt", **migration, dry_run=True)
    assert (answer["action"], answer["dry_run"], answer["prompt_id"]) == ("created", True, "")
    assert not writes(emulator)

    created = await ask("migrate_prompt", **migration)
    emulator.log.clear()
    answer = await ask("migrate_prompt", **migration | {"model": "gpt-6"}, dry_run=True)
    assert (answer["action"], answer["dry_run"], answer["slug"]) == (
        "updated",
        True,
        created["slug"],
    )
    assert not writes(emulator)


async def test_a_failed_step_says_what_was_done_before(refusal, ask, migration):
    advice = await refusal("migrate_prompt", **migration | {"virtual_key": "none"})
    assert "Done before: no prompt named 'Triage'" in advice
    assert "was not written" in advice

    await ask("migrate_prompt", **migration)
    advice = await refusal("migrate_prompt", **migration | {"virtual_key": "none"})
    assert "compared with its latest version, 1; differs in virtual_key" in advice
    assert "Failed: making a version" in advice


async def test_a_prompt_is_promoted_under_the_name_of_the_environment(ask, place, production):
    source = await ask(
        "create_prompt",
        name="Greet-dev",
        string="Hello {{n}}",
        parameters={"temperature": 0.1},
        model="gpt-5",
        template_metadata={"owner": "desk"},
        tools=[{"type": "function", "function": {"name": "f"}}],
        **place,
    )
    where = {
        "source_prompt_id": source["slug"],
        "target_collection_id": production,
        "target_env": "prod",
    }

    first = await ask("promote_prompt", **where)
    again = await ask("promote_prompt", **where)

    assert (first["action"], again["action"]) == ("created", "unchanged")
    assert first["target_name"] == "Greet-prod"
    target = await ask("get_prompt", prompt_id=first["slug"])
    assert (target["string"], target["model"]) == ("Hello {{n}}", "gpt-5")
    assert target["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert target["prompt_version_description"] == f"Promoted from {source['slug']} v1"
    answer = target["template_metadata"]
    assert answer["promoted_at"] == first["promoted_at"]
    assert (answer["owner"], answer["env"]) == ("desk", "prod")
    assert (answer["promoted_from"], answer["promoted_from_version"]) == (source["slug"], "1")


async def test_only_what_is_published_is_promoted_and_only_once(ask, place, production, versions):
    source = await ask(
        "create_prompt", name="Greet", string="One", parameters={}, model="gpt-5", **place
    )
    where = {
        "source_prompt_id": source["id"],
        "target_collection_id": production,
        "target_env": "prod",
        "target_name": "Live greeting",
    }
    first = await ask("promote_prompt", **where)
    await ask("update_prompt", prompt_id=source["id"], string="Two")
    assert (await ask("promote_prompt", **where))["action"] == "unchanged"

    await ask("publish_prompt", prompt_id=source["id"], version=2)
    second = await ask("promote_prompt", **where)
    third = await ask("promote_prompt", **where)

    assert (second["action"], second["source_version"]) == ("updated", 2)
    assert third["action"] == "unchanged"
    assert third["version_id"] == second["version_id"]
    assert await versions(first["slug"]) == 2
    assert (await ask("get_prompt", prompt_id=first["slug"]))["string"] == "One"


async def test_a_target_may_have_a_provider_of_its_own(ask, place, production, emulator, workspace):
    other = emulator.store.table("virtual_keys").where(workspace_id=workspace("Support"))[1]
    source = await ask(
        "create_prompt", name="Greet", string="One", parameters={}, model="gpt-5", **place
    )
    where = {
        "source_prompt_id": source["id"],
        "target_collection_id": production,
        "target_env": "prod",
    }
    await ask("promote_prompt", **where)

    second = await ask("promote_prompt", **where, virtual_key=other["slug"])

    assert second["action"] == "updated"
    created = await ask(
        "get_prompt_version", prompt_id=second["slug"], version_id=second["version_id"]
    )
    assert created["virtual_key"] == other["slug"]


async def test_a_raw_template_is_one_from_its_first_migration_on(ask, migration, versions):
    """Only an update knows `is_raw_template`, so the second version of a new prompt says it."""
    first = await ask("migrate_prompt", **migration, is_raw_template=True)
    again = await ask("migrate_prompt", **migration, is_raw_template=True)

    assert (first["action"], again["action"]) == ("created", "unchanged")
    assert again["version_id"] == first["version_id"]
    assert first["steps"][-1] == "made a version, not yet published"
    assert await versions(first["slug"]) == 2
    latest = await ask("get_prompt", prompt_id=first["slug"], version=2)
    assert latest["is_raw_template"] == 1


async def test_a_promotion_leaves_nothing_of_the_version_before(ask, place, production, versions):
    """What the source gave up, tools for one, the target gives up too."""
    source = await ask(
        "create_prompt",
        name="Greet",
        string="One",
        parameters={"temperature": 1},
        model="gpt-5",
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice={"mode": "function", "function_name": "f"},
        **place,
    )
    plain = await ask(
        "create_prompt", name="Plain", string="One", parameters={}, model="gpt-5", **place
    )
    where = {"target_collection_id": production, "target_env": "prod", "target_name": "Live"}
    created = await ask("promote_prompt", source_prompt_id=source["slug"], **where)
    await ask("update_prompt", prompt_id=created["slug"], is_raw_template=True)

    second = await ask("promote_prompt", source_prompt_id=plain["slug"], **where)
    third = await ask("promote_prompt", source_prompt_id=plain["slug"], **where)

    assert (second["action"], third["action"]) == ("updated", "unchanged")
    assert await versions(created["slug"]) == 3
    latest = await ask("get_prompt", prompt_id=created["slug"], version=3)
    assert (latest["tools"], latest.get("tool_choice"), latest["is_raw_template"]) == ([], None, 0)
    assert latest["parameters"] == {"model": "gpt-5"}
    assert latest["template_metadata"]["promoted_from"] == plain["slug"]


async def test_a_prompt_is_not_promoted_into_itself(refusal, ask, place, emulator):
    source = await ask(
        "create_prompt", name="Greet-dev", string="One", parameters={}, model="m", **place
    )
    emulator.log.clear()

    advice = await refusal(
        "promote_prompt",
        source_prompt_id=source["slug"],
        target_collection_id=place["collection_id"],
        target_env="dev",
    )

    assert f"{source['slug']} is the source itself" in advice
    assert not writes(emulator)


async def test_a_failed_promotion_says_what_was_done_before(refusal, ask, place, production):
    source = await ask(
        "create_prompt", name="Greet", string="One", parameters={}, model="gpt-5", **place
    )
    advice = await refusal(
        "promote_prompt",
        source_prompt_id=source["id"],
        target_collection_id=production,
        target_env="prod",
        virtual_key="none",
    )

    assert f"Done before: read {source['slug']} version 1; no prompt named 'Greet-prod'" in advice


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [200, 403],
            "Done before: read pp-x version 1. Failed: looking for 'Greet-prod', which wrote",
        ),
        ([200, 200, 403], "found pp-t. Failed: reading its latest version, which wrote nothing"),
        ([200, 200, 200, 200, 400], "differs in string. Failed: making a version of t"),
        ([200, 200, 200, 200, 500], "which may have been written"),
        ([200, 200, 200, 200, "no JSON"], "which was written"),
    ],
)
async def test_whichever_step_fails_those_before_are_told(answers, message):
    """Portkey's flat answers, from a server that fails at one request after another."""
    prompt = {"id": "p", "slug": "pp-x", "name": "Greet", "prompt_version": 1, "string": "One"}
    prompt |= {"parameters": {}, "model": "m", "virtual_key": "v"}
    target = prompt | {"id": "t", "slug": "pp-t", "name": "Greet-prod"}
    bodies = [
        prompt,
        {"total": 1, "data": [target]},
        {"total": 1, "data": [{"id": "1", "prompt_version": 1}]},
        target | {"string": "Two"},
        {},
    ]
    script = [
        Answer(body=b"nonsense") if status == "no JSON" else Answer(status, body)
        for status, body in zip(answers, bodies, strict=False)
    ]
    promotion = Promotion(target_collection_id="c", target_env="prod")
    with FakePortkey() as fake:
        fake.script(script)
        settings = Settings(PORTKEY_API_KEY=SecretStr("k"), **fake.settings)
        network = Network(settings)
        with pytest.raises(ApiError) as failed:
            await promote_prompt(Portkey(settings, network), "pp-x", promotion)
        await network.close()

    assert message in failed.value.__notes__[0]
