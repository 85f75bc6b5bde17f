"""`find_stale` by objects whose use is known, and by what is planted in the month of requests."""

import json
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from organisations import END, FIRST, Organisation, seeded_at, start_times
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.workflows.stale.scopes import recorded_scopes
from workflow_answers import answer_of

CALLS = "completions.write"
LOOKBACK = timedelta(days=90)


def client(emulator, key="owner"):
    settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()[key]))
    return Portkey(settings, InProcess(emulator), emulator.store.now)


@pytest.mark.parametrize("end", start_times(50), ids=datetime.isoformat)
async def test_the_stale_and_the_over_scoped_key_are_found_whenever_the_month_ends(end):
    api = client(seeded_at(end, 1_000))

    # The key's last day is 20 days before the last one, which may have just begun.
    answer = await answer_of(api, "find_stale", days=14, kinds=["api_keys", "scopes"])
    (stale,) = answer["api_keys"]
    assert stale["name"] == "Nightly batch"
    assert 14 < (end - datetime.fromisoformat(stale["last_used"])).days < 22
    over_scoped = {row["name"]: row for row in answer["scopes"]}
    assert "Nightly batch" not in over_scoped
    assert over_scoped["Dashboard"]["only_calls_models"]
    assert over_scoped["Dashboard"]["in_use"] == [CALLS]
    assert answer["scopes"][0]["only_calls_models"]


def drawn_stale(seed):
    """An organisation, and the last use and creation of each object, by kind and id."""
    organisation = Organisation(seed)
    draw = organisation.draw
    spaces = organisation.workspaces(draw.randint(1, 3))
    days = sorted(draw.randrange(1, 200) for _ in range(8))
    objects = [
        ("providers", create(organisation, "providers", each["id"]), each["id"], FIRST)
        for each in spaces
    ]
    for day in reversed(days):
        organisation.now = END - timedelta(days=day)
        space = draw.choice(spaces)["id"]
        kind = draw.choice(["api_keys", "configs", "prompts", "providers"])
        objects.append((kind, create(organisation, kind, space), space, organisation.now))
    truth = {}
    for kind, (own_id, column), space, created in objects:
        uses = [created + (END - created) * draw.random() for _ in range(draw.choice([0, 0, 1, 3]))]
        for at in uses:
            organisation.request(at, space, **{column: own_id})
        truth[kind, own_id] = created, max(uses, default=None)
    organisation.now = END
    return organisation, truth


def create(organisation, kind, space):
    """The id of a new object of a kind, and the column by which requests name it."""
    name, place = organisation.name(kind), {"workspace_id": space}
    if kind == "api_keys":
        return organisation.key(space, [CALLS]), "api_key_id"
    if kind == "configs":
        body = {"name": name, "config": {"retry": {"attempts": 1}}, **place}
        organisation.send("POST", "/configs", body)
        return last_slug(organisation, f"/configs?workspace_id={space}", name), "config"
    if kind == "providers":
        body = {"name": name, "provider": "openai", "key": "sk-of-a-test", **place}
        return organisation.send("POST", "/virtual-keys", body)["data"]["slug"], "virtual_key"
    return organisation.prompt(space, name)["slug"], "prompt_slug"


def last_slug(organisation, path, name):
    rows = organisation.send("GET", path)["data"]
    return next(row["slug"] for row in rows if row["name"] == name)


@pytest.mark.parametrize("seed", range(15))
async def test_what_is_stale_is_what_was_not_used_and_is_old_enough(seed):
    organisation, truth = drawn_stale(seed)
    days = organisation.draw.choice([7, 30, 60, 120])
    cutoff = END - timedelta(days=days)

    answer = await answer_of(organisation.api(), "find_stale", days=days, limit=100)
    expected = {
        one for one, (created, last) in truth.items()
        if (last or created) <= cutoff
    }  # fmt: skip
    kinds = ("api_keys", "configs", "prompts", "providers")
    rows = {(kind, row["id"]): row for kind in kinds for row in answer.get(kind, ())}
    assert set(rows) == expected
    for one, row in rows.items():
        last, start = truth[one][1], END - max(LOOKBACK, timedelta(days=days))
        is_shown = last is not None and last >= start
        shown = (
            last.strftime("%Y-%m-%dT%H:%MZ") if is_shown else f"not in {(END - start).days} days"
        )
        assert row["last_used"] == shown
    for kind in kinds:
        counts = answer["totals"][kind]
        own = [one for one in truth if one[0] == kind]
        # The owner's key belongs to the organisation.
        assert sum(counts.values() if counts else ()) == len(own) + (kind == "api_keys")
    younger = [one for one, (at, last) in truth.items() if not last and at > cutoff]
    assert sum(
        c.get("younger", 0) for c in answer["totals"].values() if isinstance(c, dict)
    ) == len(younger)


async def test_a_key_that_may_not_call_models_is_never_said_to_be_stale():
    organisation = Organisation(1)
    (space,) = organisation.workspaces(1)
    organisation.key(space["id"], ["configs.list"])
    organisation.key(None, ["configs.list"])
    organisation.now = END

    answer = await answer_of(organisation.api(), "find_stale", kinds=["api_keys"])
    assert "api_keys" not in answer
    assert answer["totals"]["api_keys"] == {"unknown": 3}
    assert "which may not call models" in answer["unknown"][0]


async def test_a_scope_is_needed_if_a_change_needed_it_and_reads_are_not_judged():
    organisation = Organisation(2)
    (space,) = organisation.workspaces(1)
    body = {"name": "Robot", "workspace_id": space["id"],
            "scopes": [CALLS, "configs.create", "configs.delete", "configs.list"]}  # fmt: skip
    robot = organisation.send("POST", "/api-keys/workspace/service", body)
    organisation.now = END - timedelta(days=40)
    headers = {"x-portkey-api-key": robot["key"], "content-type": "application/json"}
    content = json.dumps({"name": "c", "config": {"retry": {"attempts": 1}}}).encode()
    assert organisation.emulator.answer("POST", "/v1/configs", headers, content)[0] == 200
    organisation.now = END

    answer = await answer_of(organisation.api(), "find_stale", kinds=["scopes"])
    (row,) = [each for each in answer["scopes"] if each["id"] == robot["id"]]
    assert (row["scopes"], row["not_needed"], row["cannot_tell"]) == (4, 2, 1)
    assert row["areas"] == ["completions", "configs"]
    assert row["in_use"] == ["configs.create"]
    assert "only_calls_models" not in row
    assert "configs.delete" in recorded_scopes()
    assert not {"configs.list", CALLS, "logs.write", "analytics.view"} & recorded_scopes()


async def test_what_analytics_do_not_show_is_unknown_and_not_stale(emulator):
    settings = {"scopes": ["workspaces.list", "workspace_service_api_keys.list", "configs.list"]}
    body = {"name": "Blind", **settings}
    headers = {"x-portkey-api-key": emulator.keys()["owner"], "content-type": "application/json"}
    answer = emulator.answer(
        "POST", "/v1/api-keys/organisation/service", headers, json.dumps(body).encode()
    )
    api = Portkey(
        Settings(PORTKEY_API_KEY=SecretStr(json.loads(answer[2])["key"])),
        InProcess(emulator),
        emulator.store.now,
    )

    answer = await answer_of(api, "find_stale", days=14)
    assert not {"api_keys", "configs", "prompts", "providers", "scopes"} & answer.keys()
    assert answer["totals"]["configs"] == {"unknown": 2}
    assert answer["totals"]["prompts"] == "not read"
    assert answer["totals"]["scopes"] == "not read"
    assert "Nightly batch" in " ".join(answer["unknown"])
    (refused,) = answer["not_seen"]
    for tool in ("get_analytics_group [analytics.view", "list_prompts [prompts.list]",
                 "list_audit_logs [audit_logs.list"):  # fmt: skip
        assert tool in refused


async def test_without_the_audit_log_a_key_that_may_change_something_is_not_said_to_be_stale():
    organisation = Organisation(3)
    (space,) = organisation.workspaces(1)
    organisation.key(space["id"], [CALLS, "configs.create"])
    only_calls = organisation.key(space["id"], [CALLS])
    reads = ["workspaces.list", "workspace_service_api_keys.list", "analytics.view"]
    body = {"name": "Reader", "scopes": reads}
    reader = organisation.send("POST", "/api-keys/organisation/service", body)["key"]
    organisation.now = END

    answer = await answer_of(organisation.api(reader), "find_stale", kinds=["api_keys"])
    assert [row["id"] for row in answer["api_keys"]] == [only_calls]
    assert any("may have changed something" in each for each in answer["unknown"])


async def test_a_plan_without_analytics_leaves_everything_unknown(api, emulator):
    emulator.answer("POST", "/emulator/plan", {}, b'{"plan": "pro"}')

    answer = await answer_of(api, "find_stale", days=14)
    assert answer["totals"]["configs"] == {"unknown": 2}
    assert not {"api_keys", "configs", "prompts", "providers", "scopes"} & answer.keys()
    assert "get_analytics_group" in " ".join(answer["not_seen"])


async def test_a_workspaces_key_says_that_it_sees_one_workspace(emulator):
    answer = await answer_of(client(emulator, "workspace-service"), "find_stale", days=14)

    assert "no other is listed" in answer["looked_in"]
    assert "api_keys" not in answer  # the stale key is in another workspace
