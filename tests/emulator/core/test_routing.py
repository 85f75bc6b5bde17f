"""What all endpoints have in common: permissions, the order of refusals, pages, limits."""

import dataclasses
import json
from urllib.parse import quote

import pytest

from portkey_admin_mcp.emulator.core.routing import ROUTES, VERSION

ADMIN_ONLY = sorted(endpoint for endpoint, route in ROUTES.items() if route.who == "admin")
SCOPED = sorted(
    (endpoint, any_of[0])
    for endpoint, route in ROUTES.items()
    for any_of in route.scopes
    if len(route.scopes) == len(any_of) == 1
)
KEY_ENDPOINTS = {
    "GET /api-keys": "list",
    "GET /api-keys/x": "read",
    "POST /api-keys/workspace/service": "create",
    "PUT /api-keys/x": "update",
    "DELETE /api-keys/x": "delete",
    "POST /api-keys/x/rotate": "rotate",
}
GOOD = {"name": "x", "slug": "ws-x"}


def refusal_in(reply):
    """The status of an answer, and Portkey's code of the error; None if it is none."""
    status, answer = reply
    return status, answer["data"]["errorCode"] if status >= 400 else None


def filled(endpoint):
    """The endpoint with ids that do not exist."""
    return endpoint.replace("{type}", "workspace").replace("{sub_type}", "service")


@pytest.mark.parametrize(
    ("key", "body", "answer"),
    [
        (None, {}, (401, "AB05")),
        ("unknown", {}, (401, "AB05")),
        ("revoked", {}, (401, "AB05")),
        ("workspace-service", {}, (403, "AB03")),
        ("scopeless", {}, (403, "AB03")),
        ("admin", {}, (400, "AB01")),
        ("admin", GOOD | {"slug": "taken", "users": ["nobody"]}, (404, "AB08")),
        ("admin", GOOD | {"slug": "taken", "name": ""}, (400, "AB01")),
        ("admin", GOOD | {"slug": "taken"}, (409, "AB07")),
    ],
)
def test_a_request_is_refused_for_its_first_fault(ok, refused, key, body, answer):
    ok("POST /admin/workspaces", {"name": "Taken", "slug": "taken"})

    assert refused("POST /admin/workspaces", body, key=key) == answer


@pytest.mark.parametrize("part", ["configs/pc-none", "virtual-keys/none", "api-keys/none"])
def test_an_id_is_looked_up_before_the_body_is_read(refused, ok, part):
    assert refused(f"PUT /{part}", {"name": 5}) == (404, "AB08")
    assert refused(f"PUT /{part}", {"name": 5}, key="scopeless") == (403, "AB03")


@pytest.mark.parametrize("kind", ["configs", "virtual-keys", "api-keys/workspace/service"])
def test_the_workspace_is_looked_up_before_the_body_is_checked(refused, workspace, kind):
    body = {"workspace_id": workspace("Science")}

    assert refused(f"POST /{kind}", body, key="workspace-service") == (403, "AB03")
    assert refused(f"POST /{kind}", {"workspace_id": "ws-none"}, key="admin") == (403, "AB03")
    assert refused(f"POST /{kind}", body, key="admin") == (400, "AB01")


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("scopeless", 403), ("workspace-service", 403), ("admin", 400)]
)
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"[]", b'"text"'])
def test_a_body_is_read_only_for_a_key_that_may(emulator, key, status, body):
    headers = {} if key is None else {"x-portkey-api-key": emulator.keys()[key]}

    request, _headers, _content = emulator.answer("POST", "/v1/admin/workspaces", headers, body)

    assert request == status


def test_an_error_has_the_documented_form(send):
    assert send("GET /admin/workspaces", key="scopeless") == (
        403,
        {
            "success": False,
            "data": {
                "message": "You do not have enough permissions to execute this request",
                "errorCode": "AB03",
            },
        },
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "AB01"),
        (401, "AB05"),
        (402, "AB09"),
        (403, "AB03"),
        (404, "AB08"),
        (409, "AB07"),
        (429, "AB06"),
        (500, "AB04"),
    ],
)
def test_each_status_has_portkeys_code(control, refused, status, code):
    control("POST faults", {"answers": [{"status": status}]})

    assert refused("GET /configs") == (status, code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": 5}, "Invalid request. name: Input should be a valid string"),
        ({"name": "x", "users": [5]}, "Invalid request. users.0: Input should be a valid string"),
        ([], "Invalid request. body: Input should be a valid dictionary"),
    ],
)
def test_a_refusal_names_the_field(send, body, message):
    _status, answer = send("POST /admin/workspaces", body)

    assert answer["data"]["message"].startswith(message)


@pytest.mark.parametrize(
    "endpoint", ["GET /nothing", "POST /configs/a/b", "PATCH /configs", "GET /configs/"]
)
def test_an_unknown_endpoint_is_not_found(refused, endpoint):
    assert refused(endpoint) == (404, "AB08")


def test_a_path_outside_v1_is_not_found(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}

    assert emulator.answer("GET", "/configs", headers, b"")[0] == 404


def test_a_literal_segment_of_a_path_wins_over_an_id(ok):
    assert ok("GET /admin/users/invites")["data"][0]["object"] == "invite"


def test_a_quoted_slash_stays_inside_its_id(ok, send):
    ok("POST /admin/workspaces", {"name": "x", "slug": "a/b"})

    assert ok("GET /admin/workspaces/a%2Fb")["slug"] == "a/b"
    assert send("GET /admin/workspaces/a/b")[0] == 404


def test_an_admins_endpoint_refuses_a_workspace_key_whatever_its_scopes(
    emulator, send, new_key, workspace
):
    answers = {}
    for endpoint in ADMIN_ONLY:
        emulator.reset()
        scopes = [scope for any_of in ROUTES[endpoint].scopes for scope in any_of] or ["none"]
        key = new_key(*scopes, workspace=workspace("Support"))
        answers[endpoint] = refusal_in(send(filled(endpoint), {}, key=key))

    assert answers == dict.fromkeys(ADMIN_ONLY, (403, "AB03"))


def test_only_admins_manage_users_and_create_workspaces():
    assert {endpoint for endpoint in ROUTES if " /admin/users" in endpoint} <= set(ADMIN_ONLY)
    assert "POST /admin/workspaces" in ADMIN_ONLY
    assert "PUT /admin/workspaces/{workspace_id}" not in ADMIN_ONLY


def test_an_endpoint_needs_its_scope_and_no_other(send, emulator, new_key):
    refusals, statuses = {}, {}
    for endpoint, scope in SCOPED:
        emulator.reset()
        others = {other for _endpoint, other in SCOPED} - {scope}
        target = filled(endpoint)
        named = {"workspace_id": emulator.store.table("workspaces").rows()[0]["id"]}
        workspace_id = named["workspace_id"] if ROUTES[endpoint].who == "workspace" else None

        without = send(target, {}, key=new_key(*others, workspace=workspace_id))
        refusals[endpoint, scope] = refusal_in(without)
        # A list needs the workspace; the others ask for an id or a body that is not there.
        listing = target.startswith("GET") and "{" not in target
        parameters = f"{target}?workspace_id={named['workspace_id']}" if listing else target
        having = send(parameters, named, key=new_key(scope, workspace=workspace_id))
        statuses[endpoint, scope] = having[0]

    assert refusals == dict.fromkeys(SCOPED, (403, "AB03"))
    assert {each: s for each, s in statuses.items() if s not in {200, 400, 404}} == {}


@pytest.mark.parametrize(("endpoint", "act"), KEY_ENDPOINTS.items())
def test_the_scopes_of_keys_are_exact_too(refused, send, new_key, workspace, endpoint, act):
    acts = set(KEY_ENDPOINTS.values()) - {act}
    body = {"name": "x", "scopes": ["logs.view"], "workspace_id": workspace("Support")}

    lacking = new_key(*(f"workspace_service_api_keys.{other}" for other in acts))
    assert refused(endpoint, body, key=lacking) == (403, "AB03")

    having = new_key(f"workspace_service_api_keys.{act}")
    assert send(endpoint, body, key=having)[0] in {200, 404}


def test_the_owner_key_alone_needs_neither_scope_nor_workspace(ok, refused):
    assert ok("GET /configs")["total"] == 0
    assert refused("GET /configs?workspace_id=ws-none") == (403, "AB03")
    assert refused("GET /configs", key="admin") == (403, "AB03")


@pytest.mark.parametrize("named", ["slug", "id"])
@pytest.mark.parametrize("key", ["owner", "admin"])
def test_an_admin_key_names_a_workspace_by_id_or_slug(ok, emulator, workspace, key, named):
    support = emulator.store.table("workspaces")[workspace("Support")]

    assert ok(f"GET /configs?workspace_id={support[named]}", key=key)["total"] == 2


@pytest.mark.parametrize(
    ("endpoint", "page", "size"),
    [
        ("/admin/users", "currentPage", "pageSize"),
        ("/admin/users/invites", "currentPage", "pageSize"),
        ("/admin/workspaces", "current_page", "page_size"),
        ("/admin/workspaces/{support}/users", "current_page", "page_size"),
        ("/api-keys", "current_page", "page_size"),
        ("/virtual-keys", "current_page", "page_size"),
    ],
)
def test_pages_begin_at_zero_and_are_at_most_a_hundred_long(
    ok, refused, workspace, endpoint, page, size
):
    target = f"GET {endpoint.format(support=workspace('Support'))}?"
    everything = ok(target)

    rows = [
        row
        for number in range(everything["total"])
        for row in ok(f"{target}{page}={number}&{size}=1")["data"]
    ]
    assert rows == everything["data"]
    assert ok(f"{target}{size}=100") == everything
    beyond = ok(f"{target}{page}={everything['total']}&{size}=1")
    assert (beyond["data"], beyond["total"]) == ([], everything["total"])
    for wrong in (
        f"{size}=0",
        f"{size}=101",
        f"{size}=all",
        f"{page}=-1",
        f"{page}=%C2%B2",
        f"{page}={'9' * 5000}",
    ):
        assert refused(target + wrong) == (400, "AB01")


def test_a_list_without_paging_has_all_rows_and_a_page_without_size_has_fifty(ok, workspace):
    for number in range(55):
        body = {"name": f"{number}", "provider": "openai", "key": "x"}
        ok("POST /virtual-keys", {**body, "workspace_id": workspace("Science")})
    target = f"GET /virtual-keys?workspace_id={workspace('Science')}"

    assert len(ok(target)["data"]) == 55
    assert [key["name"] for key in ok(f"{target}&current_page=1")["data"]] == [
        "4",
        "3",
        "2",
        "1",
        "0",
    ]
    assert ok(target)["data"][0]["name"] == "54"


def test_only_requests_to_portkey_are_logged(send, emulator, control):
    send("GET /configs?page_size=1")
    send("GET /nothing", key=None)
    control("GET state")

    assert list(emulator.log) == ["GET /v1/configs", "GET /v1/nothing"]


def test_a_fault_of_the_emulators_own_is_a_500_and_changes_nothing(emulator, send, monkeypatch):
    before = emulator.store.dump()
    route = ROUTES["POST /admin/workspaces"]

    def half_way(call):
        route.handler(call)
        raise ZeroDivisionError

    broken = dataclasses.replace(route, handler=half_way)
    monkeypatch.setattr("portkey_admin_mcp.emulator.core.app.match", lambda *_: (broken, {}))
    status, answer = send("POST /admin/workspaces", {"name": "x"})

    assert (status, answer["data"]["errorCode"]) == (500, "AB04")
    assert emulator.store.dump() == before


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
@pytest.mark.parametrize("path", ["/v1/admin/workspaces", "/emulator/clock"])
def test_a_number_that_json_does_not_have_is_refused(emulator, number, path):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}
    body = b'{"name": "x", "advance_s": ' + number + b"}"

    status, _headers, answer = emulator.answer("POST", path, headers, body)

    assert status == 400
    assert b"AB01" in answer


def test_the_log_of_requests_is_bounded(emulator, send):
    for _ in range(1_200):
        send("GET /nothing", key=None)

    assert len(emulator.log) == 1_000


@pytest.mark.parametrize("plan", ["pro", "free"])
def test_other_plans_are_refused_what_only_enterprise_has(control, refused, ok, plan):
    control("POST plan", {"plan": plan})

    assert refused("GET /admin/users") == (403, "AB03")
    assert ok("GET /admin/workspaces")["total"] == 3

    control("POST plan", {"plan": "enterprise"})
    assert ok("GET /admin/users")["total"] == 5


def test_a_refused_write_does_not_move_what_a_stale_read_sees(control, send, ok):
    ok("POST /admin/workspaces", {"name": "First"})
    send("POST /admin/workspaces", {"name": ""})
    control("POST faults", {"stale_reads": 1})

    assert ok("GET /admin/workspaces")["total"] == 3
    assert ok("GET /admin/workspaces")["total"] == 4


def test_a_forced_delete_leaves_no_row_of_the_workspace_behind(emulator, ok, workspace):
    support = workspace("Support")
    gone = {row["id"] for row in emulator.store.table("configs").where(workspace_id=support)}

    ok(f"DELETE /admin/workspaces/{support}", {"name": "Support", "force_delete": True})

    for name in emulator.store.table_names():
        if name in ("_deleted", "archived_workspaces", "requests"):
            continue
        for row in emulator.store.table(name).rows():
            assert row.get("workspace_id") != support, name
            assert row.get("parent_id") not in gone, name
    keys = emulator.store.table("api_keys")
    assert all(row["key_id"] in keys for row in emulator.store.table("_secrets").rows())


def test_an_invitation_can_be_accepted(emulator, control, ok):
    (invite,) = ok("GET /admin/users/invites")["data"]

    user = control(f"POST invites/{invite['id']}/accept")["user_id"]

    assert ok(f"GET /admin/users/invites/{invite['id']}")["status"] == "accepted"
    person = ok(f"GET /admin/users/{user}")
    assert person["email"] == invite["email"]
    assert [slug[:8] for slug in person["workspace_ids"]] == ["ws-scien"]


@pytest.mark.parametrize("kind", ["api_keys", "virtual_keys"])
def test_a_spent_budget_exhausts_its_row(emulator, control, ok, kind):
    path = {"api_keys": "/api-keys", "virtual_keys": "/virtual-keys"}[kind]
    name = {"api_keys": "id", "virtual_keys": "slug"}[kind]
    row = emulator.store.table(kind).rows()[-1]
    ok(f"PUT {path}/{row[name]}", {"usage_limits": {"credit_limit": 10, "type": "cost"}})

    control("POST usage", {"kind": kind, "id": row["id"], "amount": 9.5})
    assert ok(f"GET {path}/{row[name]}")["status"] == row["status"]

    control("POST usage", {"kind": kind, "id": row["id"], "amount": 0.5})
    message = ok(f"GET {path}/{row[name]}")["status"]
    assert message == ("exhausted" if row["status"] == "active" else row["status"])


OPEN_TO_A_WORKSPACE = sorted(
    endpoint for endpoint, route in ROUTES.items() if route.who in ("any", "workspace")
)


@pytest.mark.parametrize("how", ["query", "body"])
def test_a_workspace_key_that_names_another_workspace_is_refused(emulator, workspace, new_key, how):
    refusals, refused_in_its_own = {}, []
    for endpoint in OPEN_TO_A_WORKSPACE:
        emulator.reset()
        route = ROUTES[endpoint]
        scopes = {scope for any_of in route.scopes for scope in any_of} or {"none"}
        key = {"x-portkey-api-key": new_key(*scopes, workspace=workspace("Support"))}
        path = "/" + "/".join(route.segments).replace(VERSION, "v1")

        def answer_in(name, route=route, key=key, path=path):
            named = workspace(name)
            query = f"?workspace_id={named}" if how == "query" else ""
            body = b"" if how == "query" else json.dumps({"workspace_id": named}).encode()
            return emulator.answer(route.method, path + query, key, body)

        status, _headers, answer = answer_in("Science")
        refusals[endpoint] = refusal_in((status, json.loads(answer)))
        if answer_in("Support")[0] == 403:
            refused_in_its_own.append(endpoint)

    assert refusals == dict.fromkeys(OPEN_TO_A_WORKSPACE, (403, "AB03"))
    assert refused_in_its_own == []


def test_who_needs_no_key_may_name_any_workspace(send):
    path = "GET /pricing/openai.json"

    assert send(f"{path}?workspace_id=ws-none", key=None) == send(path, key=None)
    assert send(path, key=None)[0] == 200


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("POST /collections", {"name": "A"}),
        ("POST /configs", {"name": "A", "config": {}}),
        ("POST /labels", {"name": "A"}),
        ("POST /prompts/partials", {"name": "A", "string": "x"}),
        ("POST /virtual-keys", {"name": "A", "provider": "openai", "key": "k"}),
        ("POST /guardrails", {"name": "A", "checks": [{"id": "a.b"}], "actions": {}}),
    ],
)
def test_a_workspace_key_writes_nothing_into_another_workspace(refused, workspace, endpoint, body):
    there = {"workspace_id": workspace("Science")}

    assert refused(endpoint, body | there, key="workspace-service") == (403, "AB03")


LISTS = sorted(
    endpoint
    for endpoint in ROUTES
    if endpoint.startswith("GET ")
    and "{" not in endpoint
    and endpoint
    not in (
        # Without pages: everything at once, or one object.
        "GET /configs",
        "GET /prompts/partials",
        "GET /models",
        "GET /logs/exports",
        "GET /logs/exports/field-restrictions",
        "GET /v2/admin/organisation/defaults",
        "GET /v0.1/servers",
        "GET /audit-logs",
    )
    and not endpoint.startswith(("GET /analytics/", "GET /workspace-exclusions/"))
)


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_page_past_the_end_is_empty_and_still_counts_all(ok, workspace, endpoint):
    # Each name of the page is understood by some lists, and ignored by the others.
    pages = "currentPage=900&current_page=900&page=900&pageSize=1&page_size=1"
    workspace_id = f"workspace_id={workspace('Support')}"
    everything, beyond = ok(f"{endpoint}?{workspace_id}"), ok(f"{endpoint}?{workspace_id}&{pages}")
    rows, total = (
        ("mappings", "total_count") if endpoint == "GET /scim/workspaces" else ("data", "total")
    )

    assert beyond[rows] == []
    assert beyond[total] == everything[total]
    assert beyond.get("has_more", False) is False


def test_a_cursor_past_the_end_gives_no_server_and_no_next_cursor(ok):
    answer = ok("GET /v0.1/servers?cursor=900")

    assert answer == {"servers": [], "metadata": {"count": 0}}


@pytest.mark.parametrize(
    ("endpoint", "most"),
    [
        ("/admin/workspaces?page_size=", 100),
        ("/guardrails?page_size=", 1000),
        ("/mcp-integrations?page_size=", 1000),
        ("/mcp-integrations/github/capabilities?page_size=", 500),
        ("/mcp-servers/support-github/user-access?page_size=", 500),
        ("/mcp-servers/support-github/connections?page_size=", 500),
        ("/v0.1/servers?limit=", 100),
    ],
)
def test_a_page_may_be_as_long_as_its_list_allows_and_no_longer(ok, refused, endpoint, most):
    ok(f"GET {endpoint}{most}")

    assert refused(f"GET {endpoint}{most + 1}") == (400, "AB01")
    assert refused(f"GET {endpoint}0") == (400, "AB01")


SEARCHES = {
    "/admin/workspaces?name": "Support",
    "/collections?search": "Macros",
    "/labels?search": "reviewed",
    "/mcp-integrations?search": "GitHub",
    "/mcp-servers?search": "Support GitHub",
    "/prompts?search": "Reply to customer",
    "/secret-references?search": "OpenAI key",
    "/v2/deployments?search": "Europe",
    "/v2/scim/groups?search": "Support staff",
}


@pytest.mark.parametrize(("search", "name"), SEARCHES.items())
def test_a_search_finds_names_that_begin_with_what_was_typed(ok, workspace, search, name):
    for length in range(1, len(name) + 1):
        typed = quote(name[:length])
        answer = ok(f"GET {search}={typed}&workspace_id={workspace('Support')}")
        assert name in [row["name"] for row in answer["data"]], typed

    beyond = ok(f"GET {search}={quote(name + 'x')}&workspace_id={workspace('Support')}")
    assert beyond["data"] == []


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"name": "\xed\xa0\x80"}'])
@pytest.mark.parametrize("path", ["/v1/admin/workspaces", "/v1/feedback", "/emulator/seed"])
def test_half_a_surrogate_pair_is_refused(emulator, path, body):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}

    status, _headers, answer = emulator.answer("POST", path, headers, body)

    assert status == 400
    assert "half of a surrogate pair" in json.loads(answer)["data"]["message"]


def test_a_complete_surrogate_pair_is_a_character(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}
    body = b'{"name": "A \\ud83d\\ude80"}'

    _status, _headers, answer = emulator.answer("POST", "/v1/admin/workspaces", headers, body)

    assert json.loads(answer)["name"] == "A 🚀"


POLICY = {"conditions": [{"key": "model", "value": "*"}], "group_by": [{"key": "api_key"}]}
COST = {**POLICY, "type": "cost", "credit_limit": 10}
RATE = {**POLICY, "type": "requests", "unit": "rpm"}
NEW_KEY = {"name": "A", "scopes": ["logs.view"]}
TIMES = {
    "time_of_generation_min": "2026-11-01T00:00:00Z",
    "time_of_generation_max": "2026-11-02T00:00:00Z",
}
EXPORT = {"requested_data": ["id"]}


@pytest.mark.parametrize(
    ("endpoint", "at", "beyond"),
    [
        ("/policies/usage-limits", {**COST, "credit_limit": 0}, {**COST, "credit_limit": -1}),
        (
            "/policies/usage-limits",
            {**COST, "alert_threshold": 9},
            {**COST, "alert_threshold": 10},
        ),
        (
            "/policies/usage-limits",
            {**COST, "periodic_reset_days": 365},
            {**COST, "periodic_reset_days": 366},
        ),
        ("/policies/rate-limits", {**RATE, "value": 1}, {**RATE, "value": 0}),
        (
            "/api-keys/workspace/service",
            {**NEW_KEY, "name": "A" * 100},
            {**NEW_KEY, "name": "A" * 101},
        ),
        (
            "/api-keys/workspace/service",
            {**NEW_KEY, "rate_limits": [{"type": "requests", "unit": "rpm", "value": 0}]},
            {**NEW_KEY, "rate_limits": [{"type": "requests", "unit": "rpm", "value": -1}]},
        ),
        (
            "/api-keys/workspace/service",
            {**NEW_KEY, "expires_at": "2026-11-02T09:00:01Z"},
            {**NEW_KEY, "expires_at": "2026-11-02T09:00:00Z"},
        ),
        (
            "/logs/exports",
            {**EXPORT, "filters": {**TIMES, "page_size": 50_000}},
            {**EXPORT, "filters": {**TIMES, "page_size": 50_001}},
        ),
        ("/feedback", {"trace_id": "t", "value": -10}, {"trace_id": "t", "value": -11}),
        ("/feedback", {"trace_id": "t", "value": 10}, {"trace_id": "t", "value": 11}),
    ],
)
def test_a_value_is_accepted_at_its_limit_and_refused_beyond_it(
    ok, refused, workspace, endpoint, at, beyond
):
    workspace_id = {"workspace_id": workspace("Support")}

    ok(f"POST {endpoint}", at | workspace_id)
    assert refused(f"POST {endpoint}", beyond | workspace_id) == (400, "AB01")


@pytest.mark.parametrize(("spent", "status"), [(9.99, "active"), (10, "exhausted")])
def test_a_budget_is_exhausted_exactly_when_it_is_spent(
    ok, control, emulator, workspace, spent, status
):
    limit = ok("POST /policies/usage-limits", {**COST, "workspace_id": workspace("Support")})
    entities = emulator.store.table("usage_limit_entities")
    entity = {"id": "e", "limit_id": limit["id"], "value_key": "api_key:x"}
    entities.add({**entity, "current_usage": 0, "status": "active"})

    control("POST usage", {"kind": "usage_limit_entities", "id": "e", "amount": spent})

    (listed,) = ok(f"GET /policies/usage-limits/{limit['id']}/entities")["data"]
    assert (listed["current_usage"], listed["status"]) == (spent, status)
    again = ok(f"GET /policies/usage-limits/{limit['id']}?include_usage=true")
    assert again["value_key_usage_map"]["api_key:x"]["status"] == status
