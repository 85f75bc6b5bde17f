"""Prompts, as a model sees them."""

import json

import pytest


@pytest.fixture
def place(emulator, workspace):
    """Where the new prompts go: a collection and a provider of the workspace Support."""
    support = workspace("Support")
    (folder,) = emulator.store.table("collections").where(workspace_id=support, name="Macros")
    provider = emulator.store.table("virtual_keys").where(workspace_id=support)[0]
    return {"collection_id": folder["id"], "virtual_key": provider["slug"]}


@pytest.fixture
async def prompt(ask, place):
    return await ask(
        "create_prompt",
        name="Greeting",
        string="Hello {{name}}",
        parameters={"temperature": 0.5},
        model="gpt-5",
        **place,
    )


async def test_a_prompt_is_written_read_listed_and_deleted(ask, refusal, prompt, place):
    read = await ask("get_prompt", prompt_id=prompt["slug"])
    listed = await ask("list_prompts", collection_id=place["collection_id"], page_size=2)

    assert (read["string"], read["prompt_version"], read["model"]) == ("Hello {{name}}", 1, "gpt-5")
    assert read["prompt_version_id"] == prompt["version_id"]
    assert [row["name"] for row in listed["data"]] == ["Greeting", "Summarise thread"]
    assert (listed["total"], listed["has_more"], listed["next_page"]) == (3, True, 1)
    assert "string" not in listed["data"][0]

    await ask("delete_prompt", prompt_id=prompt["id"])
    assert "403" in await refusal("get_prompt", prompt_id=prompt["id"])


async def test_prompts_are_found_by_a_part_of_the_name(ask, prompt, workspace):
    answer = await ask("list_prompts", workspace_id=workspace("Support"), search="reet")

    assert [row["slug"] for row in answer["data"]] == [prompt["slug"]]


async def test_messages_are_kept_as_the_text_portkey_keeps(ask, place):
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be kind, {{name}}"}]},
        {"role": "user", "content": "é"},
    ]

    created = await ask(
        "create_prompt", name="Chat", messages=messages, parameters={}, model="gpt-5", **place
    )

    read = await ask("get_prompt", prompt_id=created["id"])
    assert json.loads(read["string"]) == messages
    assert "é" in read["string"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "give the template as string or as messages"),
        ({"string": "x", "messages": [{"role": "user", "content": "x"}]}, "not both"),
        ({"messages": [{"role": "user"}]}, "each message needs role and content"),
        ({"string": "x", "model": None}, "model"),
    ],
)
async def test_a_prompt_that_makes_no_sense_is_not_sent(
    refusal, emulator, place, arguments, problem
):
    emulator.log.clear()

    advice = await refusal(
        "create_prompt", **{"name": "A", "parameters": {}, "model": "m"} | place | arguments
    )

    assert problem in advice
    assert not emulator.log


@pytest.mark.parametrize("name", ["ai_model_id", "finetune_id"])
async def test_older_names_of_the_model_are_sent_as_the_model(ask, place, name):
    created = await ask(
        "create_prompt", name="A", string="x", parameters={}, **{name: "gpt-9"}, **place
    )

    assert (await ask("get_prompt", prompt_id=created["id"]))["model"] == "gpt-9"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ({"mode": "auto"}, "auto"),
        ({"mode": "none"}, "none"),
        (
            {"mode": "function", "function_name": "f"},
            {"type": "function", "function": {"name": "f"}},
        ),
        (
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "function": {"name": "f"}},
        ),
        ("required", "required"),
    ],
)
async def test_a_tool_choice_is_sent_as_models_take_it(ask, place, choice, sent):
    """The form of arguments is the TypeScript server's, and so is what it makes of it."""
    created = await ask(
        "create_prompt", name="A", string="x", parameters={}, model="m", tool_choice=choice, **place
    )

    shown = await ask("render_prompt", prompt_id=created["slug"], variables={})
    assert shown["data"]["tool_choice"] == sent


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ({"mode": "function"}, "mode function needs function_name"),
        ({"mode": "auto", "function_name": "f"}, "remove function_name, or set mode to function"),
        ({"mode": "perhaps"}, "mode is one of auto, none, required, function"),
        ("perhaps", "mode is one of auto, none, required, function"),
    ],
)
async def test_a_tool_choice_that_makes_no_sense_is_not_sent(refusal, prompt, choice, problem):
    advice = await refusal("update_prompt", prompt_id=prompt["id"], tool_choice=choice)

    assert f"tool_choice: {problem}" in advice


async def test_a_dry_run_writes_nothing(ask, emulator, prompt, place):
    emulator.log.clear()
    answer = await ask(
        "create_prompt",
        name="New",
        string="x" * 9,
        parameters={"a": 1},
        model="m",
        dry_run=True,
        **place,
    )
    assert (answer["action"], answer["template_length"], answer["parameter_count"]) == (
        "create",
        9,
        1,
    )
    assert all(request.startswith("GET ") for request in emulator.log)

    answer = await ask(
        "update_prompt", prompt_id=prompt["id"], string="Hi", model="gpt-5", dry_run=True
    )
    assert (answer["action"], answer["changes"], answer["makes_version"]) == (
        "update",
        ["string"],
        True,
    )
    answer = await ask("update_prompt", prompt_id=prompt["id"], name="Greeting", dry_run=True)
    assert (answer["action"], answer["changes"]) == ("none", [])
    assert (await ask("list_prompt_versions", prompt_id=prompt["id"]))["total"] == 1


async def test_a_change_is_in_force_only_when_it_is_published(ask, prompt):
    name = {"prompt_id": prompt["slug"]}
    created = await ask(
        "update_prompt",
        **name,
        string="Hi {{name}}",
        version_description="Shorter",
        template_metadata={"team": "a"},
        is_raw_template=False,
    )
    before = await ask("get_prompt", **name)
    versions = await ask("list_prompt_versions", **name)
    second = await ask("get_prompt_version", **name, version_id=created["prompt_version_id"])
    await ask("publish_prompt", **name, version=2)
    after = await ask("get_prompt", **name)

    assert before["string"] == "Hello {{name}}"
    assert [(v["prompt_version"], v["status"]) for v in versions["data"]] == [
        (2, "archived"),
        (1, "active"),
    ]
    assert versions["data"][0]["prompt_description"] == "Shorter"
    assert (second["string"], second["template_metadata"]) == ("Hi {{name}}", {"team": "a"})
    assert second["parameters"]["temperature"] == 0.5
    assert (after["string"], after["is_raw_template"]) == ("Hi {{name}}", 0)
    assert (await ask("get_prompt", **name, version=1))["string"] == "Hello {{name}}"


async def test_a_new_name_makes_no_version(ask, prompt):
    await ask("update_prompt", prompt_id=prompt["id"], name="Welcome")

    read = await ask("get_prompt", prompt_id=prompt["id"])
    assert (read["name"], read["slug"], read["prompt_version"]) == ("Welcome", prompt["slug"], 1)
    assert (await ask("list_prompt_versions", prompt_id=prompt["id"]))["total"] == 1


async def test_an_update_of_nothing_is_not_sent(refusal, prompt):
    assert "give something to change" in await refusal("update_prompt", prompt_id=prompt["id"])
    assert "give something to change" in await refusal(
        "update_prompt", prompt_id=prompt["id"], dry_run=True
    )


async def test_a_label_is_put_on_a_version_and_taken_off(ask, refusal, prompt, workspace):
    labels = await ask("list_prompt_labels", workspace_id=workspace("Support"))
    label = next(row["id"] for row in labels["data"] if row["name"] == "production")
    version = {"prompt_id": prompt["id"], "version_id": prompt["version_id"]}

    assert "label_id" in await refusal("update_prompt_version", **version)
    await ask("update_prompt_version", **version, label_id=label)
    assert (await ask("get_prompt", prompt_id=prompt["id"]))["prompt_version_label_id"] == label
    run = {"prompt_id": f"{prompt['slug']}@production", "variables": {"name": "A"}}
    assert (await ask("render_prompt", **run))["data"]["messages"][0]["content"] == "Hello A"
    await ask("update_prompt_version", **version, label_id=None)
    assert "404" in await refusal("render_prompt", **run)


async def test_a_prompt_is_rendered_with_other_parameters(ask, prompt):
    shown = await ask(
        "render_prompt",
        prompt_id=prompt["slug"],
        variables={"name": "Ada"},
        hyperparameters={"temperature": 1, "stop": ["."]},
    )

    assert shown["data"] == {
        "model": "gpt-5",
        "temperature": 1,
        "stop": ["."],
        "messages": [{"role": "user", "content": "Hello Ada"}],
    }


async def test_a_completion_says_what_was_answered_and_what_it_took(ask, prompt):
    answer = await ask(
        "run_prompt_completion",
        prompt_id=prompt["slug"],
        variables={"name": "Ada"},
        metadata={"client_id": "c1", "app": "desk", "env": "dev", "ticket": "7"},
        hyperparameters={"max_tokens": 50},
    )

    assert answer["content"] == "You said: Hello Ada"
    assert (answer["model"], answer["finish_reason"]) == ("gpt-5", "stop")
    assert answer["usage"]["total_tokens"] == 8
    assert "choices" not in answer


async def test_a_completion_without_billing_metadata_is_not_sent(refusal, emulator, prompt):
    emulator.log.clear()

    advice = await refusal(
        "run_prompt_completion", prompt_id=prompt["slug"], variables={}, metadata={"app": "desk"}
    )

    assert "add client_id, env" in advice
    assert not emulator.log


@pytest.mark.parametrize("name", ["variables", "stream", "metadata"])
async def test_a_hyperparameter_cannot_take_the_place_of_another_field(refusal, prompt, name):
    advice = await refusal(
        "render_prompt", prompt_id=prompt["slug"], variables={}, hyperparameters={name: True}
    )

    assert f"{name} is not a hyperparameter" in advice


async def test_missing_billing_fields_are_errors_in_the_answer_not_of_the_call(ask, emulator):
    emulator.log.clear()

    answer = await ask("validate_completion_metadata", app="desk")

    assert answer == {
        "valid": False,
        "errors": ["Missing required field: client_id", "Missing required field: env"],
        "warnings": ["Missing recommended field: project_id (helps with billing attribution)"],
        "metadata": {"app": "desk"},
    }
    assert not emulator.log


async def test_complete_billing_metadata_is_valid(ask):
    arguments = {"client_id": "c", "app": "a", "env": "dev", "project_id": "p", "feature": "f"}

    answer = await ask("validate_completion_metadata", **arguments)

    assert answer == {"valid": True, "errors": [], "warnings": [], "metadata": arguments}


DRAFT = {"name": "New", "string": "Hi", "parameters": {}, "model": "gpt-5"}


async def test_a_dry_run_of_an_update_compares_with_the_latest_version(ask, prompt):
    name = {"prompt_id": prompt["id"]}
    await ask("update_prompt", **name, string="Two")

    back = await ask("update_prompt", **name, string="Hello {{name}}", dry_run=True)
    same = await ask("update_prompt", **name, string="Two", dry_run=True)

    assert (back["action"], back["changes"], back["makes_version"]) == ("update", ["string"], True)
    assert (back["published_version"], back["latest_version"]) == (1, 2)
    assert (same["action"], same["changes"], same["makes_version"]) == ("update", [], True)
    assert "would make an equal one" in same["notes"][0]
    made = await ask("update_prompt", **name, string="Two")
    assert made["prompt_version"] == 3


async def test_a_dry_run_is_refused_where_the_call_is(ask, refusal, emulator, place, workspace):
    science = workspace("Science")
    emulator.store.table("virtual_keys").change(
        emulator.store.table("virtual_keys").where(workspace_id=workspace("Support"))[-1],
        {"workspace_id": science},
    )
    theirs = emulator.store.table("virtual_keys").where(workspace_id=science)[0]["slug"]
    draft = {**DRAFT, **place, "virtual_key": theirs}

    dry = await ask("create_prompt", **draft, dry_run=True)

    assert dry["action"] == "refused"
    (problem,) = dry["problems"]
    assert f"virtual_key: '{theirs}' is neither a virtual key nor a provider" in problem
    assert dry["not_checked"] == ["model", "parameters"]
    assert theirs in await refusal("create_prompt", **draft)


async def test_a_dry_run_finds_a_collection_that_is_not_there(ask, place):
    dry = await ask("create_prompt", **DRAFT | place | {"collection_id": "co-gone"}, dry_run=True)

    assert dry["action"] == "refused"
    assert dry["problems"][0].startswith("collection_id: Portkey answered 404 for 'co-gone'")
    assert "virtual_key" in dry["not_checked"]


async def test_a_dry_run_of_an_update_checks_the_provider_too(ask, prompt):
    name = {"prompt_id": prompt["id"]}

    wrong = await ask("update_prompt", **name, virtual_key="openai-mian", dry_run=True)
    renamed = await ask("update_prompt", **name, name="Other", dry_run=True)

    assert (wrong["action"], wrong["changes"]) == ("refused", ["virtual_key"])
    assert "did you mean openai-main" in wrong["problems"][0]
    assert (renamed["action"], renamed["makes_version"]) == ("update", False)
    assert "problems" not in renamed
    assert "notes" not in renamed


@pytest.mark.parametrize("field", ["prompt_version", "prompt_version_id"])
async def test_a_version_is_taken_by_its_number_and_by_its_id(ask, prompt, workspace, field):
    name = {"prompt_id": prompt["id"]}
    made = await ask("update_prompt", **name, string="Two")
    assert (prompt["prompt_version"], made["prompt_version"]) == (1, 2)
    version = made[field]
    labels = await ask("list_prompt_labels", workspace_id=workspace("Support"))
    label = labels["data"][0]["id"]

    await ask("publish_prompt", **name, version=version)
    read = await ask("get_prompt_version", **name, version_id=version)
    await ask("update_prompt_version", **name, version_id=version, label_id=label)

    assert (await ask("get_prompt", **name))["prompt_version"] == 2
    assert (read["string"], read["prompt_version_id"]) == ("Two", made["prompt_version_id"])
    assert (await ask("list_prompt_versions", **name))["data"][0]["label_id"] == label


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("publish_prompt", {"version": "a-version-id"}),
        ("get_prompt_version", {"version_id": "7"}),
        ("update_prompt_version", {"version_id": 7, "label_id": None}),
    ],
)
async def test_a_version_that_is_not_there_is_named(refusal, prompt, tool, arguments):
    advice = await refusal(tool, prompt_id=prompt["id"], **arguments)

    assert "there is no version" in advice
    assert "; there are 1" in advice or f"; there are {prompt['version_id']}" in advice


@pytest.mark.parametrize("suffix", ["", "@1", "@latest", "@production"])
async def test_variables_that_do_not_fit_the_template_are_named(ask, prompt, workspace, suffix):
    labels = await ask("list_prompt_labels", workspace_id=workspace("Support"))
    label = next(row["id"] for row in labels["data"] if row["name"] == "production")
    await ask("update_prompt_version", prompt_id=prompt["id"], version_id=1, label_id=label)
    run = {"prompt_id": prompt["slug"] + suffix}
    notes = [
        "Not given, so nothing stands in their place: name.",
        "The template has no variable 'nmae'; did you mean name?",
    ]

    shown = await ask("render_prompt", **run, variables={"nmae": "Ada"})
    answered = await ask(
        "run_prompt_completion",
        **run,
        variables={"nmae": "Ada"},
        metadata={"client_id": "c", "app": "a", "env": "dev"},
    )
    right = await ask("render_prompt", **run, variables={"name": "Ada"})

    assert (shown["notes"], answered["notes"]) == (notes, notes)
    assert "notes" not in right


async def test_sections_and_partials_are_not_missing_variables(ask, place, workspace):
    partial = await ask(
        "create_prompt_partial", name="End", string="{{team}}", workspace_id=workspace("Support")
    )
    text = "{{! hint }}{{user.name}}{{#order}} {{id}}{{/order}} {{>" + partial["slug"] + "}}"
    made = await ask("create_prompt", **DRAFT | {"string": text}, **place)

    shown = await ask("render_prompt", prompt_id=made["slug"], variables={"team": "A"})

    assert shown["notes"] == ["Not given, so nothing stands in their place: user."]
