"""Workspaces and their members in the emulator."""

from datetime import timedelta

import pytest

HOME = "/admin/workspaces"


@pytest.fixture
def workspace_id(workspace):
    """The path of the workspace Support, which has keys, configs and members."""
    return f"{HOME}/{workspace('Support')}"


@pytest.fixture
def bare(ok):
    """A new, empty workspace."""
    return ok(f"POST {HOME}", {"name": "🚀 Rockets"})


def test_a_workspace_has_a_uuid_and_a_slug_and_either_names_it(ok, bare):
    assert bare["slug"].startswith("ws-rocket-")
    assert len(bare["slug"].removeprefix("ws-rocket-")) == 6
    by_slug = ok(f"GET {HOME}/{bare['slug']}")
    assert by_slug == ok(f"GET {HOME}/{bare['id']}")
    assert (by_slug["id"], by_slug["object"]) == (bare["id"], "workspace")


@pytest.mark.parametrize(
    ("body", "remaining"),
    [
        ({"name": "🚀 Rockets"}, ("Rockets", "🚀", "🚀 Rockets")),
        ({"name": "☀️Sun"}, ("Sun", "☀️", "☀️ Sun")),
        ({"name": "Moon", "icon": "🌙"}, ("Moon", "🌙", "🌙 Moon")),
        ({"name": " Plain "}, ("Plain", None, "Plain")),
        ({"name": "🚀"}, ("🚀", None, "🚀")),
    ],
)
def test_an_emoji_in_the_name_becomes_the_icon_and_is_shown_before_it(
    ok, emulator, body, remaining
):
    created = ok(f"POST {HOME}", body)

    row = emulator.store.table("workspaces")[created["id"]]
    assert (row["name"], row["icon"], created["name"]) == remaining


def test_one_workspace_is_shown_with_members_and_settings(ok, workspace_id):
    everything = ok(f"GET {workspace_id}")
    listed = ok(f"GET {HOME}?exact_name=Support")["data"][0]

    assert set(everything) - set(listed) == {"users", "settings", "last_reset_at"}
    assert [member["email"] for member in everything["users"]] == [
        "diego@acme.example",
        "emi@acme.example",
    ]
    off = {name for name, on in everything["security_settings"].items() if not on}
    assert off == {"membersWriteConfigs", "membersWriteGuardrails", "membersWritePrompts"}
    assert len(everything["security_settings"]) == 35
    assert everything["settings"] == {
        "debug_log": 1,
        "user_api_key_ttl": 0,
        "user_key_metadata": 1,
        "user_api_key_count": -1,
        "user_api_key_max_ttl": 0,
        "user_key_metadata_override": 1,
    }


def test_given_fields_change_others_stay_and_null_clears(ok, workspace_id):
    before = ok(f"GET {workspace_id}")

    assert ok(f"PUT {workspace_id}", {"usage_limits": None, "description": "New"}) == {}

    after = ok(f"GET {workspace_id}")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"usage_limits", "description", "last_updated_at"}
    assert (after["usage_limits"], after["description"]) == (None, "New")


def test_a_new_name_keeps_the_slug_and_an_empty_icon_clears_it(ok, bare):
    path = f"{HOME}/{bare['id']}"

    ok(f"PUT {path}", {"name": "Planes"})
    assert ok(f"GET {path}")["name"] == "🚀 Planes"

    ok(f"PUT {path}", {"icon": ""})
    renamed = ok(f"GET {path}")
    assert (renamed["name"], renamed["slug"]) == ("Planes", bare["slug"])


def test_defaults_are_merged_and_null_clears_one(ok, emulator, workspace_id):
    config = next(iter(emulator.store.table("configs").rows()))
    changes = {"user_api_key_config": config["id"], "output_guardrails": ["pg-tidy"]}
    ok(f"PUT {workspace_id}", {"defaults": changes})

    defaults = ok(f"GET {workspace_id}")["defaults"]
    assert defaults["metadata"] == {"team": "support"}
    assert (defaults["user_api_key_config"], defaults["output_guardrails"]) == (
        config["slug"],
        ["pg-tidy"],
    )
    ok(f"PUT {workspace_id}", {"defaults": {"user_api_key_config": None}})
    assert ok(f"GET {workspace_id}")["defaults"] == {**defaults, "user_api_key_config": None}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, (400, "AB01")),
        ({"name": "  "}, (400, "AB01")),
        ({"name": 5}, (400, "AB01")),
        ({"name": "x", "slug": "taken"}, (409, "AB07")),
        ({"name": "x", "users": ["nobody"]}, (404, "AB08")),
        ({"name": "x", "slug": "taken", "users": ["nobody"]}, (404, "AB08")),
        ({"name": "x", "usage_limits": [{"credit_limit": 0}]}, (400, "AB01")),
        (
            {"name": "x", "usage_limits": [{"credit_limit": 5, "alert_threshold": 5}]},
            (400, "AB01"),
        ),
        (
            {"name": "x", "usage_limits": [{"credit_limit": 5, "alert_threshold": 0}]},
            (400, "AB01"),
        ),
        ({"name": "x", "usage_limits": [{"periodic_reset_days": 0}]}, (400, "AB01")),
        ({"name": "x", "rate_limits": [{"unit": "rps"}]}, (400, "AB01")),
    ],
)
def test_an_invalid_workspace_is_refused_and_not_stored(ok, refused, body, answer):
    ok(f"POST {HOME}", {"name": "Taken", "slug": "taken"})

    assert refused(f"POST {HOME}", body) == answer
    assert ok(f"GET {HOME}")["total"] == 4


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"name": ""}, (400, "AB01")),
        ({"slug": "ws-taken"}, (409, "AB07")),
        ({"defaults": {"user_api_key_config": "pc-none"}}, (403, "AB03")),
        ({"name": "y", "usage_limits": [{"credit_limit": -1}]}, (400, "AB01")),
    ],
)
def test_a_refused_change_changes_nothing(ok, refused, workspace_id, change, answer):
    ok(f"POST {HOME}", {"name": "Taken", "slug": "ws-taken"})
    before = ok(f"GET {workspace_id}")

    assert refused(f"PUT {workspace_id}", change) == answer
    assert ok(f"GET {workspace_id}") == before


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=S", ["Support", "🔬 Science", "Shared Team Workspace"]),
        ("name=sci", []),
        ("name=upp", ["Support"]),
        ("exact_name=Science", ["🔬 Science"]),
        ("exact_name=Scien", []),
        ("status=archived", ["🚀 Rockets"]),
        ("status=active", ["Support", "🔬 Science", "Shared Team Workspace"]),
        (
            "status=active,archived",
            ["🚀 Rockets", "Support", "🔬 Science", "Shared Team Workspace"],
        ),
        ("page_size=2&current_page=1", ["Shared Team Workspace"]),
    ],
)
def test_workspaces_are_filtered_and_those_deleted_are_archived(ok, bare, query, names):
    ok(f"DELETE {HOME}/{bare['id']}", {"name": "Rockets"})

    assert [row["name"] for row in ok(f"GET {HOME}?{query}")["data"]] == names


@pytest.mark.parametrize("body", [{}, {"name": "🚀 Rockets"}, {"name": "rockets"}])
def test_a_workspace_is_deleted_only_by_its_plain_name(ok, refused, bare, body):
    path = f"{HOME}/{bare['id']}"

    assert refused(f"DELETE {path}", body) == (400, "AB01")
    assert ok(f"GET {path}")["id"] == bare["id"]

    assert ok(f"DELETE {path}", {"name": "Rockets"}) == {}
    assert refused(f"GET {path}") == (403, "AB03")
    assert refused(f"GET {HOME}/{bare['slug']}") == (403, "AB03")


def test_the_default_workspace_stays_even_when_forced(ok, refused, workspace):
    shared = f"{HOME}/{workspace('Shared Team Workspace')}"
    body = {"name": "Shared Team Workspace", "force_delete": True}

    assert refused(f"DELETE {shared}", body) == (400, "AB01")
    assert ok(f"GET {shared}")["defaults"]["is_default"] == 1


def test_a_workspace_with_content_is_deleted_only_if_forced(
    ok, send, refused, workspace_id, emulator, workspace
):
    service = emulator.keys()["workspace-service"]

    status, answer = send(f"DELETE {workspace_id}", {"name": "Support"})
    assert (status, answer["data"]["errorCode"]) == (409, "AB07")
    assert answer["data"]["message"].endswith("ensure that all Virtual Keys are deleted")

    assert ok(f"DELETE {workspace_id}", {"name": "Support", "force_delete": True}) == {}
    assert refused("GET /configs", key=service) == (401, "AB05")
    left = [
        row
        for table in ("virtual_keys", "configs", "api_keys", "members")
        for row in emulator.store.table(table).rows()
        if row["workspace_id"] == workspace_id.removeprefix(f"{HOME}/")
    ]
    assert left == []
    shared = workspace("Shared Team Workspace")
    assert ok(f"GET /virtual-keys?workspace_id={shared}")["total"] == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("configs", {"config": {}}),
        ("virtual-keys", {"provider": "openai", "key": "x"}),
        ("api-keys/workspace/service", {"scopes": ["logs.view"]}),
    ],
)
def test_a_workspace_with_any_kind_of_content_is_not_deleted(ok, refused, bare, kind, body):
    ok(f"POST /{kind}", {"name": "x", "workspace_id": bare["slug"], **body})

    assert refused(f"DELETE {HOME}/{bare['slug']}", {"name": "Rockets"}) == (409, "AB07")


def test_a_workspace_with_members_only_is_deleted(ok, bare, user):
    path = f"{HOME}/{bare['id']}"
    ok(f"POST {path}/users", {"users": [{"id": user("Emi"), "role": "member"}]})

    ok(f"DELETE {path}", {"name": "Rockets"})

    assert len(ok(f"GET /admin/users/{user('Emi')}")["workspace_ids"]) == 1


def test_a_member_is_a_user_with_two_roles(ok, workspace_id, user, workspace):
    member = ok(f"GET {workspace_id}/users/{user('Emi')}")

    assert (member["object"], member["id"]) == ("workspace-user", user("Emi"))
    assert (member["role"], member["org_role"]) == ("manager", "member")
    assert member["workspace_id"] == workspace("Support")


def test_either_all_members_are_added_or_none(ok, refused, workspace_id, user):
    def joining(*ids):
        return {"users": [{"id": user_id, "role": "manager"} for user_id in ids]}

    assert refused(f"POST {workspace_id}/users", joining(user("Ben"), user("Emi"))) == (409, "AB07")
    assert refused(f"POST {workspace_id}/users", joining(user("Emi"), "nobody")) == (404, "AB08")
    assert ok(f"GET {workspace_id}/users")["total"] == 2

    assert ok(f"POST {workspace_id}/users", joining(user("Ben"), user("Chitra"))) == {}
    managers = ok(f"GET {workspace_id}/users?role=manager")["data"]
    assert [member["first_name"] for member in managers] == ["Chitra", "Ben", "Emi"]


def test_a_members_role_changes_in_one_workspace_only(ok, refused, workspace_id, user, bare):
    emi = user("Emi")
    ok(f"POST {HOME}/{bare['id']}/users", {"users": [{"id": emi, "role": "member"}]})

    assert ok(f"PUT {workspace_id}/users/{emi}", {"role": "admin"}) == {}

    assert refused(f"PUT {workspace_id}/users/{emi}", {"role": "owner"}) == (400, "AB01")
    assert ok(f"GET {workspace_id}/users/{emi}")["role"] == "admin"
    assert ok(f"GET {HOME}/{bare['id']}/users/{emi}")["role"] == "member"
    assert ok(f"GET /admin/users/{emi}")["role"] == "member"


def test_a_member_who_leaves_is_still_a_user(ok, refused, workspace_id, user):
    emi = user("Emi")

    assert ok(f"DELETE {workspace_id}/users/{emi}") == {}

    assert refused(f"DELETE {workspace_id}/users/{emi}") == (404, "AB08")
    assert ok(f"GET /admin/users/{emi}")["workspace_ids"] == []
    assert ok(f"GET {workspace_id}/users?email=emi@acme.example")["total"] == 0


def test_a_workspace_key_reads_and_changes_its_own_workspace_only(
    ok, refused, workspace_id, workspace, new_key
):
    key = new_key("workspaces.read", "workspaces.update", workspace=workspace("Support"))
    other = f"{HOME}/{workspace('Science')}"

    assert ok(f"GET {workspace_id}", key=key)["slug"].startswith("ws-suppor")
    assert ok(f"PUT {workspace_id}", {"description": "Ours"}, key=key) == {}
    assert refused(f"GET {other}", key=key) == (403, "AB03")
    assert refused(f"PUT {other}", {"description": "Ours"}, key=key) == (403, "AB03")


def test_the_time_of_the_last_change_is_stored(ok, emulator, workspace_id):
    emulator.store.ahead = timedelta(hours=1)
    ok(f"PUT {workspace_id}", {"description": "New"})

    changed = ok(f"GET {workspace_id}")
    assert changed["last_updated_at"] == "2026-11-02T10:00:00.000Z"
    assert changed["created_at"] < changed["last_updated_at"]


def test_a_budget_is_reset_at_the_start_of_a_day(ok):
    budget = {"credit_limit": 1, "next_usage_reset_at": "2026-12-05T23:30:00-03:00"}

    created = ok(f"POST {HOME}", {"name": "x", "usage_limits": [budget]})

    assert created["usage_limits"] == [budget | {"next_usage_reset_at": "2026-12-06T00:00:00.000Z"}]


def test_no_row_names_a_deleted_workspace(ok, emulator, bare, workspace_id):
    named = {"workspaces": [{"id": bare["id"], "enabled": True, "create_default_provider": False}]}
    ok("PUT /integrations/openai/workspaces", named)
    both = {"allowed_workspaces": [bare["id"], workspace_id.rpartition("/")[2]]}
    ok("PUT /secret-references/openai-key", both)
    organisation = emulator.store.table("guardrails").rows()[0]["organisation_id"]
    excluded = {
        "organisation_id": organisation,
        "workspaces": [{"workspace_id": bare["id"], "excluded": True}],
    }
    ok("PUT /workspace-exclusions/input-guardrails", excluded)

    ok(f"DELETE {HOME}/{bare['id']}", {"name": "Rockets"})

    shares = ok("GET /integrations/openai/workspaces")["workspaces"]
    assert bare["id"] not in [share["id"] for share in shares]
    (reference,) = emulator.store.table("secret_references").rows()
    assert reference["_allowed_workspaces"] == [workspace_id.rpartition("/")[2]]
    path = f"/workspace-exclusions/input-guardrails?organisation_id={organisation}"
    assert ok(f"GET {path}")["total"] == 0


@pytest.mark.parametrize(
    "icon",
    ["🔬", "❤️", "👩‍🔬", "👍🏽", "🇩🇪", "1️⃣", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "⚙️"],
)
def test_an_emoji_of_several_code_points_stays_whole(ok, icon):
    created = ok("POST /admin/workspaces", {"name": f"{icon} Maps"})
    path = f"/admin/workspaces/{created['id']}"

    assert (created["icon"], created["name"]) == (icon, f"{icon} Maps")
    ok(f"PUT {path}", {"name": f"{icon} Atlas"})
    assert [ok(f"GET {path}")[name] for name in ("icon", "name")] == [icon, f"{icon} Atlas"]
    assert ok("GET /admin/workspaces?exact_name=Atlas&name_format=plain")["data"][0]["icon"] == icon


@pytest.mark.parametrize("name", ["🚀", "7 Seas", "#1 team", "→ Sales", "№ 5", "© Legal"])
def test_a_name_that_begins_with_no_emoji_stays_whole(ok, name):
    created = ok("POST /admin/workspaces", {"name": name})

    assert (created["name"], created["icon"]) == (name, None)


def test_security_settings_change_only_as_a_whole(ok, refused, workspace_id):
    before = ok(f"GET {workspace_id}")["security_settings"]
    after = {**before, "membersWritePrompts": True, "managersViewLogs": False}

    for wrong in ({"membersWritePrompts": True}, {**after, "managersViewLogs": "no"}):
        assert refused(f"PUT {workspace_id}", {"security_settings": wrong}) == (400, "AB01")
    assert ok(f"GET {workspace_id}")["security_settings"] == before
    assert ok(f"PUT {workspace_id}", {"security_settings": after}) == {}
    assert ok(f"GET {workspace_id}")["security_settings"] == after
