"""`find_references` by objects that name others, as they were built."""

import json

import pytest

from organisations import END, Organisation
from portkey_admin_mcp.errors import Forbidden
from portkey_admin_mcp.portkey.references import CONFIGS
from portkey_admin_mcp.tools.configs import list_configs
from portkey_admin_mcp.workflows.references.answer import references_to
from portkey_admin_mcp.workflows.references.search import LISTS, SearchText, Stored
from portkey_admin_mcp.workflows.shared.reads import Reads
from workflow_answers import answer_of

MODELS = ("gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4", "claude-sonnet-5")


def drawn_references(seed):
    """An organisation, and the (kind, id) of the objects that name each of its names."""
    organisation = Organisation(seed)
    draw = organisation.draw
    truth = {model: set() for model in MODELS}
    for space in organisation.workspaces(draw.randint(1, 2)):
        place = {"workspace_id": space["id"]}
        keys = [virtual_key(organisation, place) for _ in range(2)]
        guard = organisation.send(
            "POST",
            "/guardrails",
            {"name": organisation.name("guard"), "checks": [{"id": "default.wordCount"}],
             "actions": {"deny": True}, **place},
        )  # fmt: skip
        partial = organisation.send(
            "POST",
            "/prompts/partials",
            {"name": organisation.name("part"), "string": "Bye", **place},
        )["slug"]
        truth |= {name: set() for name in (*keys, guard["slug"], partial)}
        configs = []
        for _ in range(draw.randint(1, 4)):
            slug, names = config(organisation, place, keys, guard)
            configs.append(slug)
            truth[slug] = set()
            for name in names:
                truth[name].add(("configs", slug))
        for _ in range(draw.randint(1, 3)):
            key, model = draw.choice(keys), draw.choice(MODELS)
            text = draw.choice(
                [
                    "Hi",
                    f"{{{{>{partial}}}}} Bye",
                    f"{{{{> {partial}@1}}}}",
                    f"Ask {draw.choice(MODELS)}.",
                ]
            )
            slug = organisation.prompt(
                space["id"], organisation.name("prompt"), virtual_key=key, model=model, string=text
            )["slug"]
            names = {key, model, *([partial] if partial in text else [])}
            names |= {text[4:-1]} if text.startswith("Ask") else set()
            for name in names:
                truth[name].add(("prompts", slug))
        used = draw.choice(configs)
        own_id = organisation.key(space["id"], ["completions.write"], defaults={"config_id": used})
        truth[used].add(("API keys", own_id))
    organisation.now = END
    return organisation, truth


def virtual_key(organisation, place):
    body = {"name": organisation.name("vk"), "provider": "openai", "key": "sk-of-a-test", **place}
    return organisation.send("POST", "/virtual-keys", body)["data"]["slug"]


def config(organisation, place, keys, guard):
    """The slug of a new config, and the names in it."""
    draw, name = organisation.draw, organisation.name("config")
    key, model = draw.choice(keys), draw.choice(MODELS)
    body, names = draw.choice(
        [
            ({"virtual_key": key}, {key}),
            ({"provider": f"@{key}", "override_params": {"model": model}}, {key, model}),
            ({"override_params": {"model": f"@{key}/{model}"}}, {key, model}),
            (
                {"strategy": {"mode": "fallback"},
                 "targets": [{"virtual_key": key, "override_params": {"model": model}}]},
                {key, model},
            ),
            ({"input_guardrails": [draw.choice([guard["slug"], guard["id"]])]}, {guard["slug"]}),
        ]
    )  # fmt: skip
    organisation.send("POST", "/configs", {"name": name, "config": body, **place})
    rows = organisation.send("GET", f"/configs?workspace_id={place['workspace_id']}")["data"]
    return next(row["slug"] for row in rows if row["name"] == name), names


@pytest.mark.parametrize("seed", range(10))
async def test_the_objects_that_name_something_are_those_that_were_made_so(seed):
    organisation, truth = drawn_references(seed)
    api = organisation.api()
    names = organisation.draw.sample(sorted(truth), 5)

    for name in names:
        answer = await answer_of(api, "find_references", text=name, limit=100)
        matches = {(row["kind"], row["id"]) for row in answer.get("references", ())}
        assert matches == truth[name], name
        assert answer["total"] == len(truth[name])
        assert ("names" in answer) == (name not in MODELS)
        assert not answer["not_seen"]


async def test_the_place_in_the_object_and_its_last_use_are_named(ask):
    answer = await ask("find_references", text="OpenAI main")

    (target,) = answer["names"]
    assert target["id"].startswith("openai-main-")
    places = {row["name"]: row["where"] for row in answer["references"]}
    assert places == {
        "Cached answers": ["config.virtual_key"],
        "Support fallback": ["config.targets.0.virtual_key"],
        "Reply to customer": ["virtual_key"],
    }
    assert {row["last_used"] for row in answer["references"]} <= {
        "2026-11-02T08:57Z", "2026-11-02T08:59Z",
    }  # fmt: skip
    assert answer["next"].keys() == {"configs", "prompts"}
    same = await ask("find_references", text=f"@{target['id']}")
    assert same["references"] == answer["references"]


@pytest.mark.parametrize(
    ("text", "is_word"),
    [
        ("use gpt-5 here", True), ("@vk/gpt-5", True), ("(gpt-5)", True), ("like gpt-5.", True),
        ("GPT-5", True), ("gpt-5-mini", False), ("gpt-5.1", False), ("my-gpt-5", False),
        ("xgpt-5", False),
    ],
)  # fmt: skip
def test_a_name_is_a_whole_word(text, is_word):
    stored = Stored("configs", {"note": text}, CONFIGS, None)

    paths, is_part = SearchText("gpt-5").paths_in(stored)
    assert bool(paths) == is_word
    assert is_part == (not is_word)


SECRETS = ("sk-of-an-integration", "hunter-token-2", "p4ssw0rd-of-a-proxy")


async def test_no_secret_is_found_or_shown(ask, workspace):
    target = {"api_key": SECRETS[0], "custom_headers": {"x-token": SECRETS[1]},
              "custom_host": f"https://me:{SECRETS[2]}@proxy.example"}  # fmt: skip
    await ask("create_config", name="Own", config={"targets": [target]},
              workspace_id=workspace("Science"))  # fmt: skip

    for secret in SECRETS:
        answer = await ask("find_references", text=secret)
        assert (answer["total"], answer.get("as_part_of_longer_words")) == (0, None)
    answer = await ask("find_references", text="proxy.example")
    assert answer["references"][0]["where"] == ["~config.targets.0.custom_host"]
    assert not any(secret in json.dumps(answer) for secret in SECRETS)


async def test_a_label_is_found_in_the_versions_under_it(ask, workspace):
    labels = await ask("list_prompt_labels", workspace_id=workspace("Support"), search="reviewed")
    prompts = await ask("list_prompts", workspace_id=workspace("Support"), search="Reply")
    prompt = prompts["data"][0]["slug"]
    versions = await ask("list_prompt_versions", prompt_id=prompt)
    await ask("update_prompt_version", prompt_id=prompt, version_id=versions["data"][0]["id"],
              label_id=labels["data"][0]["id"])  # fmt: skip

    answer = await ask("find_references", text="reviewed")
    (row,) = answer["references"]
    assert row["id"] == prompt
    assert row["where"] == ["versions.0.label_id"]


async def test_kinds_narrow_what_is_searched_and_not_how_a_name_is_resolved(ask):
    everything = await ask("find_references", text="OpenAI main")
    configs = await ask("find_references", text="OpenAI main", kinds=["configs"])

    assert configs["names"] == everything["names"]
    assert configs["searched"] == {"configs": 2}
    assert [row["kind"] for row in configs["references"]] == ["configs", "configs"]
    assert "get_prompt" not in configs["known_by"].replace("list_prompts", "")


async def test_a_key_without_scopes_says_what_it_did_not_see(ask, connect):
    created = await ask(
        "create_api_key", type="organisation", sub_type="service", name="Few",
        scopes=["workspaces.list", "configs.list", "configs.read"],
    )  # fmt: skip

    answer = await answer_of(connect(created["key"]), "find_references", text="gpt-5")
    assert answer["searched"]["configs"] == 2
    assert answer["searched"]["prompts"] == "not read"
    assert answer["text_last_used"] == "unknown"
    refused = " ".join(answer["not_seen"])
    for tool in ("list_prompts [prompts.list] of all workspaces", "list_deployments",
                 "get_analytics_group", "list_guardrails [guardrails.list or"):  # fmt: skip
        assert tool in refused


async def test_a_key_that_may_read_nothing_is_refused(connect):
    with pytest.raises(Forbidden):
        await references_to(connect("scopeless"), "gpt-5", [*LISTS], "", None)


async def test_at_most_a_bounded_number_of_requests_is_sent_and_the_rest_is_named(api, emulator):
    reads = Reads(api, max_requests=3)
    first, *others = await reads.read_workspaces()
    reads.reserved = 2
    assert (await reads.rows(list_configs, "late", **first.selector)).why
    reads.reserved = 0
    for workspace in (first, *others):
        await reads.rows(list_configs, workspace.slug, **workspace.selector)
    assert reads.requests == len(emulator.log) == 3
    early, late = reads.not_seen
    assert early == "not read with 1 requests: list_configs of late"
    assert late.startswith("not read with 3 requests: list_configs of ws-")
