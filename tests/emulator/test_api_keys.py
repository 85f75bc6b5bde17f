"""API keys in the emulator: their endpoints, and their permissions."""

from datetime import timedelta

import pytest

HALF_AN_HOUR_MS = 1_800_000
DAY_MS = 86_400_000


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def created(ok, support):
    """The answer to a new service key in Support, which may list configs."""
    body = {"name": "New", "scopes": ["configs.list"], "workspace_id": support}
    return ok("POST /api-keys/workspace/service", body)


def test_the_secret_is_shown_once_and_masked_afterwards(ok, created):
    path = f"/api-keys/{created['id']}"
    masked = f"{created['key'][:2]}*****{created['key'][-3:]}"

    listed = next(k for k in ok("GET /api-keys")["data"] if k["id"] == created["id"])

    assert set(created) == {"id", "key", "object"}
    assert ok(f"GET {path}")["key"] == listed["key"] == masked
    assert created["key"] not in str([ok(f"GET {path}"), ok(f"PUT {path}", {"name": "x"})])
    assert not [name for name in listed if name.startswith("_")]


def test_a_new_key_may_do_what_its_scopes_allow(ok, refused, created, support):
    assert ok("GET /configs", key=created["key"])["total"] == 2
    assert refused("GET /virtual-keys", key=created["key"]) == (403, "AB03")
    assert ok(f"GET /api-keys/{created['id']}")["workspace_id"] == support


@pytest.mark.parametrize(
    ("kind", "more", "type_"),
    [
        ("organisation/service", {}, "organisation-service"),
        ("workspace/service", {"workspace_id": "Support"}, "workspace-service"),
        ("workspace/user", {"workspace_id": "Support", "user_id": "Emi"}, "workspace-user"),
    ],
)
def test_there_are_three_kinds_of_key(ok, workspace, user, kind, more, type_):
    named = {"workspace_id": workspace, "user_id": user}
    body = {name: named[name](value) for name, value in more.items()}

    created = ok(f"POST /api-keys/{kind}", {"name": "x", "scopes": ["logs.view"], **body})

    key = ok(f"GET /api-keys/{created['id']}")
    assert (key["type"], key["status"], key["object"]) == (type_, "active", "api-key")
    assert {name: key[name] for name in ("workspace_id", "user_id")} == {
        "workspace_id": None,
        "user_id": None,
        **body,
    }


INVALID = [
    ("organisation/user", {}),
    ("workspace/robot", {}),
    ("workspace/service", {"workspace_id": None}),
    ("workspace/user", {}),
    ("workspace/user", {"user_id": "nobody"}),
    ("workspace/service", {"scopes": []}),
    ("workspace/service", {"scopes": None}),
    ("workspace/service", {"name": None}),
    ("workspace/service", {"name": "x" * 101}),
    ("workspace/service", {"description": "x" * 201}),
    ("workspace/service", {"usage_limits": {"type": "cost"}}),
    ("workspace/service", {"usage_limits": {"type": "requests", "credit_limit": 5}}),
    ("workspace/service", {"usage_limits": {"credit_limit": 5, "alert_threshold": 5}}),
    (
        "workspace/service",
        {
            "usage_limits": {
                "credit_limit": 5,
                "periodic_reset": "weekly",
                "periodic_reset_days": 7,
            }
        },
    ),
    ("workspace/service", {"usage_limits": {"credit_limit": 5, "periodic_reset_days": 366}}),
    ("workspace/service", {"rate_limits": [{"type": "requests", "unit": "rpm"}]}),
    ("workspace/service", {"expires_at": "2026-11-02T09:00:00Z"}),
    ("workspace/service", {"expires_at": "soon"}),
    ("workspace/service", {"defaults": {"config_id": "pc-none"}}),
    ("workspace/service", {"rotation_policy": {}}),
    ("workspace/service", {"rotation_policy": {"rotation_period_days": 0}}),
    ("workspace/service", {"rotation_policy": {"rotation_period_days": 366}}),
    (
        "workspace/service",
        {"rotation_policy": {"rotation_period": "weekly", "rotation_period_days": 7}},
    ),
    (
        "workspace/service",
        {
            "rotation_policy": {
                "rotation_period": "weekly",
                "key_transition_period_ms": 7 * DAY_MS,
            }
        },
    ),
]


def test_an_invalid_key_is_refused_and_not_stored(ok, refused, support):
    before = ok("GET /api-keys")["total"]

    for kind, change in INVALID:
        body = {"name": "x", "scopes": ["logs.view"], "workspace_id": support, **change}
        assert refused(f"POST /api-keys/{kind}", body) == (400, "AB01"), (kind, change)
        assert ok("GET /api-keys")["total"] == before, (kind, change)


def test_a_refused_change_changes_nothing(ok, refused, created):
    path = f"/api-keys/{created['id']}"
    before = ok(f"GET {path}")

    assert refused(f"PUT {path}", {"name": "y", "expires_at": "soon"}) == (400, "AB01")
    assert refused(f"PUT {path}", {"name": "y", "rotation_policy": {}}) == (400, "AB01")
    assert ok(f"GET {path}") == before


def test_given_fields_change_null_clears_and_type_and_user_stay(ok, support, user):
    body = {
        "name": "x",
        "scopes": ["logs.view"],
        "workspace_id": support,
        "user_id": user("Emi"),
        "expires_at": "2027-01-01T00:00:00Z",
        "rate_limits": [{"type": "requests", "unit": "rps", "value": 0}],
        "rotation_policy": {"rotation_period": "monthly"},
        "defaults": {"metadata": {"a": "1"}},
    }
    path = f"/api-keys/{ok('POST /api-keys/workspace/user', body)['id']}"
    before = ok(f"GET {path}")
    change = {
        "expires_at": None,
        "rate_limits": None,
        "rotation_policy": None,
        "type": "organisation-service",
        "user_id": user("Ben"),
        "defaults": {"allow_config_override": False},
    }

    assert ok(f"PUT {path}", change) == {}

    after = ok(f"GET {path}")
    assert {name for name in before if before[name] != after[name]} == {
        "expires_at",
        "rate_limits",
        "rotation_policy",
        "defaults",
        "allow_config_override",
    }
    assert (after["expires_at"], after["rate_limits"], after["rotation_policy"]) == (None, [], None)
    assert after["defaults"]["metadata"] == {"a": "1"}
    assert (after["user_id"], after["allow_config_override"]) == (user("Emi"), 0)


def test_a_config_is_named_by_id_or_slug_and_read_back_as_slug(ok, emulator, created):
    config = next(iter(emulator.store.table("configs").rows()))

    ok(f"PUT /api-keys/{created['id']}", {"defaults": {"config_id": config["id"]}})

    defaults = ok(f"GET /api-keys/{created['id']}")["defaults"]
    assert defaults["config_id"] == config["slug"]


def test_a_users_key_inherits_the_config_of_its_workspace_unless_it_names_one(
    ok, emulator, support, user
):
    first, second = (row["slug"] for row in emulator.store.table("configs").rows())
    ok(f"PUT /admin/workspaces/{support}", {"defaults": {"user_api_key_config": first}})

    def config(kind, **defaults):
        body = {"name": "x", "scopes": ["logs.view"], "workspace_id": support}
        body |= {"user_id": user("Emi"), "defaults": defaults}
        created = ok(f"POST /api-keys/workspace/{kind}", body)
        return ok(f"GET /api-keys/{created['id']}")["defaults"]["config_id"]

    assert config("user") == first
    assert config("user", config_id=second) == second
    assert config("service") is None


@pytest.mark.parametrize(
    ("policy", "next_rotation"),
    [
        ({"rotation_period": "weekly"}, "2026-11-09T00:00:00.000Z"),
        ({"rotation_period": "monthly"}, "2026-12-01T00:00:00.000Z"),
        ({"rotation_period_days": 10}, "2026-11-12T00:00:00.000Z"),
        ({"next_rotation_at": "2026-12-24T18:30:00Z"}, "2026-12-24T00:00:00.000Z"),
        (
            {"next_rotation_at": "2026-12-24T23:30:00-02:00", "rotation_period": "weekly"},
            "2026-12-25T00:00:00.000Z",
        ),
    ],
)
def test_the_next_rotation_is_at_midnight_and_a_given_one_wins(ok, created, policy, next_rotation):
    path = f"/api-keys/{created['id']}"

    ok(f"PUT {path}", {"rotation_policy": policy})

    remaining = ok(f"GET {path}")["rotation_policy"]
    assert remaining == {**policy, "next_rotation_at": next_rotation}


def test_rotation_keeps_both_secrets_until_the_transition_ends(ok, refused, emulator, created):
    turned = ok(f"POST /api-keys/{created['id']}/rotate", {})

    assert turned["id"] == created["id"]
    assert turned["key_transition_expires_at"] == "2026-11-02T09:30:00.000Z"
    emulator.store.ahead = timedelta(minutes=30, seconds=-1)
    ok("GET /configs", key=created["key"])
    ok("GET /configs", key=turned["key"])

    emulator.store.ahead = timedelta(minutes=30)
    assert refused("GET /configs", key=created["key"]) == (401, "AB05")
    ok("GET /configs", key=turned["key"])


def test_a_key_is_not_rotated_again_before_the_transition_ends(ok, refused, emulator, created):
    path = f"/api-keys/{created['id']}"
    first = ok(f"POST {path}/rotate", {"key_transition_period_ms": 2 * HALF_AN_HOUR_MS})

    emulator.store.ahead = timedelta(minutes=59)
    assert refused(f"POST {path}/rotate") == (409, "AB07")
    masked = f"{first['key'][:2]}*****{first['key'][-3:]}"
    assert ok(f"GET {path}")["key"] == masked

    emulator.store.ahead = timedelta(minutes=60)
    second = ok(f"POST {path}/rotate")
    ok("GET /configs", key=first["key"])
    ok("GET /configs", key=second["key"])
    assert refused("GET /configs", key=created["key"]) == (401, "AB05")


@pytest.mark.parametrize(
    "transition", [HALF_AN_HOUR_MS - 1, str(HALF_AN_HOUR_MS), 7 * DAY_MS, 10**30]
)
def test_a_transition_has_a_minimum_and_a_maximum(ok, refused, created, transition):
    path = f"/api-keys/{created['id']}"
    ok(f"PUT {path}", {"rotation_policy": {"rotation_period": "weekly"}})

    body = {"key_transition_period_ms": transition}
    assert refused(f"POST {path}/rotate", body) == (400, "AB01")
    ok(f"POST {path}/rotate", {"key_transition_period_ms": 7 * DAY_MS - 1})


def test_a_deleted_key_is_invalid(ok, refused, created):
    path = f"/api-keys/{created['id']}"

    assert ok(f"DELETE {path}") == {}

    assert refused("GET /configs", key=created["key"]) == (401, "AB05")
    assert refused(f"GET {path}") == (403, "AB03")
    assert refused(f"POST {path}/rotate") == (403, "AB03")
    assert refused("GET /api-keys/none") == (404, "AB08")


def test_a_key_expires_at_its_time(ok, refused, emulator, created):
    path = f"/api-keys/{created['id']}"
    ok(f"PUT {path}", {"expires_at": "2026-11-02T12:00:00+02:00"})

    emulator.store.ahead = timedelta(minutes=59)
    ok("GET /configs", key=created["key"])
    assert ok(f"GET {path}")["status"] == "active"

    emulator.store.ahead = timedelta(minutes=60)
    assert refused("GET /configs", key=created["key"]) == (401, "AB05")
    assert ok(f"GET {path}")["status"] == "expired"


@pytest.mark.parametrize(
    ("status", "after"), [("exhausted", "active"), ("revoked", "revoked"), ("active", "active")]
)
def test_a_budget_reset_reactivates_only_exhausted_keys(ok, emulator, created, status, after):
    keys = emulator.store.table("api_keys")
    keys.change(keys[created["id"]], {"status": status, "_usage": 7})

    ok(f"PUT /api-keys/{created['id']}", {"name": "Renamed"})
    assert keys[created["id"]]["_usage"] == 7
    ok(f"PUT /api-keys/{created['id']}", {"reset_usage": True})

    row = keys[created["id"]]
    assert (row["status"], row["_usage"]) == (after, 0)


def test_an_admin_lists_all_keys_or_those_of_one_workspace_newest_first(ok, created, support):
    everything = ok("GET /api-keys", key="admin")
    ours = ok(f"GET /api-keys?workspace_id={support}", key="admin")
    page = ok("GET /api-keys?page_size=2&current_page=1", key="admin")

    assert everything["total"] == page["total"] == 9
    assert [key["name"] for key in ours["data"]] == ["New", "Workspace user", "Workspace service"]
    assert page["data"] == everything["data"][2:4]


def test_a_key_lists_only_the_kinds_its_scopes_name(ok, new_key, refused):
    services = new_key("workspace_service_api_keys.list")

    assert {key["type"] for key in ok("GET /api-keys", key=services)["data"]} == {
        "workspace-service"
    }
    assert refused("GET /api-keys", key=new_key("workspace_service_api_keys.read")) == (403, "AB03")


def test_a_key_that_may_list_a_type_without_keys_gets_an_empty_list(ok, new_key, workspace):
    key = new_key("workspace_user_api_keys.list", workspace=workspace("Science"))

    assert ok("GET /api-keys", key=key) == {"object": "list", "total": 0, "data": []}


def test_the_scope_depends_on_the_kind_of_the_key_acted_on(ok, refused, new_key, created, key_id):
    reader = new_key("workspace_service_api_keys.read", "organisation_service_api_keys.update")
    admin = key_id("admin")

    assert ok(f"GET /api-keys/{created['id']}", key=reader)["name"] == "New"
    assert refused(f"GET /api-keys/{admin}", key=reader) == (403, "AB03")
    assert refused(f"PUT /api-keys/{created['id']}", {}, key=reader) == (403, "AB03")
    assert ok(f"PUT /api-keys/{admin}", {}, key=reader) == {}


@pytest.mark.parametrize("act", ["GET", "PUT", "DELETE", "POST"])
def test_a_workspace_key_reaches_no_key_outside_its_workspace(
    ok, refused, workspace, key_id, new_key, act
):
    kinds = ("organisation_service_api_keys", "workspace_service_api_keys")
    acts = ("read", "update", "delete", "rotate")
    scopes = [f"{kind}.{act}" for kind in kinds for act in acts]
    ours = new_key(*scopes, workspace=workspace("Support"))
    body = {"name": "x", "scopes": ["logs.view"], "workspace_id": workspace("Science")}
    elsewhere = ok("POST /api-keys/workspace/service", body)["id"]
    tail = "/rotate" if act == "POST" else ""

    for target in (elsewhere, key_id("admin")):
        endpoint = f"{act} /api-keys/{target}{tail}"
        assert refused(endpoint, {}, key=ours) == (403, "AB03")


def test_a_workspace_key_neither_lists_nor_makes_keys_elsewhere(
    ok, refused, new_key, support, workspace
):
    key, science = "workspace-service", workspace("Science")
    body = {"name": "x", "scopes": ["logs.view"]}

    listed = ok("GET /api-keys", key=key)["data"]
    assert {row["workspace_id"] for row in listed} == {support}
    assert refused(f"GET /api-keys?workspace_id={science}", key=key) == (403, "AB03")
    there = {**body, "workspace_id": science}
    assert refused("POST /api-keys/workspace/service", there, key=key) == (403, "AB03")
    maker = new_key("organisation_service_api_keys.create", workspace=support)
    assert refused("POST /api-keys/organisation/service", body, key=maker) == (403, "AB03")

    created = ok("POST /api-keys/workspace/service", body, key=key)
    assert ok(f"GET /api-keys/{created['id']}", key=key)["workspace_id"] == support
