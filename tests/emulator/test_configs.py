"""Configs in the emulator."""

import json
import re
from datetime import timedelta

import pytest

CONTENT = {"retry": {"attempts": 3}, "virtual_key": "openai-main"}


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def created(ok, support):
    """The answer to a new config in Support."""
    return ok("POST /configs", {"name": "Main route", "config": CONTENT, "workspace_id": support})


def test_a_written_config_answers_in_both_forms_that_clients_read(ok, created):
    updated = ok(f"PUT /configs/{created['slug']}", {"config": CONTENT})

    for answer in (created, updated):
        ref = {name: answer[name] for name in ("id", "slug", "version_id")}
        assert answer == {"success": True, "data": ref, **ref}
    assert re.fullmatch(r"pc-main-r-[0-9a-f]{6}", created["slug"])


def test_one_config_is_flat_with_its_content_as_text(ok, created, support):
    config = ok(f"GET /configs/{created['slug']}")

    assert json.loads(config["config"]) == CONTENT
    assert (config["format"], config["type"], config["object"]) == ("json", "ORG_CONFIG", "config")
    assert (config["version_id"], config["workspace_id"]) == (created["version_id"], support)
    assert (config["is_default"], config["status"]) == (0, "active")


def test_the_list_has_all_configs_without_content_newest_first(ok, created, support):
    page = ok(f"GET /configs?workspace_id={support}&page_size=1")

    assert [config["name"] for config in page["data"]] == [
        "Main route",
        "Cached answers",
        "Support fallback",
    ]
    assert (page["object"], page["total"]) == ("list", 3)
    assert not any("config" in config or "version_id" in config for config in page["data"])


def test_content_always_makes_a_version_and_a_name_never_does(ok, created, emulator):
    path = f"/configs/{created['slug']}"
    emulator.store.ahead = timedelta(minutes=1)
    renamed = ok(f"PUT {path}", {"name": "Renamed", "status": "inactive"})
    again = ok(f"PUT {path}", {"config": CONTENT})

    versions = ok(f"GET {path}/versions")

    assert renamed["version_id"] == created["version_id"] != again["version_id"]
    assert [version["version_id"] for version in versions["data"]] == [
        again["version_id"],
        created["version_id"],
    ]
    current = ok(f"GET {path}")
    assert (current["name"], current["status"], current["slug"]) == (
        "Renamed",
        "inactive",
        created["slug"],
    )
    assert current["last_updated_at"] == "2026-11-02T09:01:00.000Z"


def test_names_need_not_be_unique(ok, created, support):
    body = {"name": "Main route", "config": {}, "workspace_id": support, "isDefault": 1}

    twin = ok("POST /configs", body)

    assert twin["slug"] != created["slug"]
    assert ok(f"GET /configs/{twin['slug']}")["is_default"] == 1


@pytest.mark.parametrize(
    "config",
    [
        {"retries": 3},
        {"retry": {"attempts": 6}},
        {"cache": {"mode": "clever"}},
        {"cache": {"max_age": 60}},
        {"strategy": {"mode": "random"}},
        {"targets": {}},
        {"passthrough": True, "targets": [{"provider": "openai"}]},
        {"passthrough": True, "strategy": {"mode": "single"}},
        "text",
        None,
    ],
)
def test_invalid_content_is_refused_and_changes_nothing(ok, refused, created, config):
    body = {"name": "x", "config": config}
    before = ok(f"GET /configs/{created['slug']}/versions")

    assert refused("POST /configs", body) == (400, "AB01")
    if config is not None:
        assert refused(f"PUT /configs/{created['slug']}", body) == (400, "AB01")
    assert ok(f"GET /configs/{created['slug']}/versions") == before


def test_a_config_is_deleted_with_its_versions(ok, refused, created):
    path = f"/configs/{created['slug']}"

    assert ok(f"DELETE {path}") == {}

    assert refused(f"GET {path}") == (403, "AB03")
    assert refused(f"GET {path}/versions") == (403, "AB03")
    assert refused("GET /configs/pc-none") == (404, "AB08")


def test_a_config_in_use_by_a_key_is_not_deleted(ok, refused, created, support):
    body = {"name": "k", "scopes": ["logs.view"], "workspace_id": support}
    body["defaults"] = {"config_id": created["id"]}
    key = ok("POST /api-keys/workspace/service", body)["id"]

    assert refused(f"DELETE /configs/{created['slug']}") == (409, "AB07")

    ok(f"DELETE /api-keys/{key}")
    assert ok(f"DELETE /configs/{created['slug']}") == {}


def test_a_config_that_is_the_default_of_its_workspace_is_not_deleted(
    ok, refused, created, support
):
    def give(config):
        ok(f"PUT /admin/workspaces/{support}", {"defaults": {"user_api_key_config": config}})

    give(created["slug"])
    assert refused(f"DELETE /configs/{created['slug']}") == (409, "AB07")

    give(None)
    assert ok(f"DELETE /configs/{created['slug']}") == {}


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_an_admin_key_names_the_right_workspace_or_none(send, created, support, workspace, verb):
    def status(named):
        parameters = f"?workspace_id={named}" if named else ""
        return send(f"{verb} /configs/{created['slug']}{parameters}", {"name": "x"}, key="admin")[0]

    assert status(workspace("Science")) == 403
    assert verb == "DELETE" or status(support) == 200
    assert status(None) == 200


def test_a_workspace_key_needs_no_name_and_sees_no_other_workspace(ok, refused, created, workspace):
    key, shared = "workspace-service", workspace("Shared Team Workspace")
    elsewhere = ok("POST /configs", {"name": "x", "config": {}, "workspace_id": shared})["slug"]

    assert ok("GET /configs", key=key)["total"] == 3
    for endpoint in (
        f"GET /configs?workspace_id={shared}",
        f"GET /configs/{elsewhere}",
        f"GET /configs/{elsewhere}?workspace_id={shared}",
        f"PUT /configs/{elsewhere}",
        f"DELETE /configs/{elsewhere}",
        f"GET /configs/{elsewhere}/versions",
    ):
        assert refused(endpoint, {}, key=key) == (403, "AB03")
    body = {"name": "x", "config": {}, "workspace_id": shared}
    assert refused("POST /configs", body, key=key) == (403, "AB03")


def test_versions_are_a_list_and_need_its_scope(ok, refused, new_key, emulator):
    """Portkey's help center names `configs.list` for it."""
    row = emulator.store.table("configs").rows()[0]
    path = f"GET /configs/{row['slug']}/versions?workspace_id={row['workspace_id']}"

    assert ok(path, key=new_key("configs.list"))["total"] == 1
    assert refused(path, key=new_key("configs.read")) == (403, "AB03")


@pytest.mark.parametrize(
    "content",
    [
        {"virtual_key": "{slug}"},
        {"provider": "@{slug}"},
        {"strategy": {"mode": "fallback"}, "targets": [{"targets": [{"virtual_key": "{slug}"}]}]},
    ],
)
def test_a_config_names_no_virtual_key_of_another_workspace(
    ok, refused, created, support, workspace, content
):
    (theirs,) = ok(f"GET /virtual-keys?workspace_id={workspace('Shared Team Workspace')}")["data"]
    (ours, *_rest) = ok(f"GET /virtual-keys?workspace_id={support}")["data"]

    def config(slug):
        return {"config": json.loads(json.dumps(content).replace("{slug}", slug))}

    body = {"name": "x", "workspace_id": support}
    assert refused("POST /configs", body | config(theirs["slug"])) == (400, "AB01")
    assert refused(f"PUT /configs/{created['slug']}", config(theirs["slug"])) == (400, "AB01")
    ok("POST /configs", body | config(ours["slug"]))
    ok(f"PUT /configs/{created['slug']}", config("of-nobody"))
