"""What a request names, how far it reaches, and which requests and answers keep to a bound."""

import json
from dataclasses import replace

import pytest

from drawn_calls import TOOLS
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.errors import NotPermitted
from portkey_admin_mcp.portkey.catalog import tools_in
from portkey_admin_mcp.safety import policy_lookup
from portkey_admin_mcp.safety.policy_bound import Bound
from portkey_admin_mcp.safety.policy_lookup import Lookup, names_of
from portkey_admin_mcp.safety.policy_reach import (
    WorkspaceArgument,
    place_of_endpoint,
    reach_of,
    workspace_argument,
)
from portkey_admin_mcp.safety.policy_request import (
    named_in,
    names_place,
    references_in,
    request_of,
    where,
    workspaces_named,
)
from portkey_admin_mcp.safety.tools import own_modules

GET_CONFIG = "GET /configs/{slug}"
USERS = "GET /admin/users"


@pytest.mark.parametrize("value", [5, True, ["ws-a"], {"id": "ws-a"}])
def test_a_workspace_that_is_no_text_is_none_of_those_that_are_allowed(value):
    assert named_in({"workspace_id": value}) not in (None, "ws-a")
    assert named_in({"workspace_id": None}) is None


@pytest.mark.parametrize(
    ("endpoint", "reach", "object_id"),
    [
        ("GET /model-configs/pricing/{provider}/{model}", "none", ""),
        ("GET /pricing/{provider}.json", "none", ""),
        ("GET /admin/workspaces", "list", ""),
        ("POST /admin/workspaces", "organisation", ""),
        ("GET /admin/workspaces/{workspace_id}", "workspace", "{workspace_id}"),
        ("PUT /admin/workspaces/{workspace_id}", "workspace", "{workspace_id}"),
        ("DELETE /admin/workspaces/{workspace_id}", "organisation", ""),
        ("DELETE /admin/workspaces/{workspace_id}/users/{user_id}", "workspace", "{workspace_id}"),
        ("GET /admin/users", "organisation", ""),
        ("GET /v2/deployments", "organisation", ""),
        ("GET /logs/{log_id}", "organisation", ""),
        ("GET /logs/exports", "list", ""),
        ("GET /logs/exports/field-restrictions", "list", ""),
        ("GET /logs/exports/{export_id}", "item", "{export_id}"),
        ("GET /configs", "list", ""),
        ("GET /v1/configs", "list", ""),
        ("POST /configs", "list", ""),
        ("GET /configs/{slug}", "item", "{slug}"),
        ("GET /configs/{slug}/versions", "item", "{slug}"),
        ("GET /prompts/{prompt_id}", "item", "{prompt_id}"),
        ("GET /prompts/partials", "list", ""),
        ("GET /prompts/partials/{prompt_partial_id}", "item", "{prompt_partial_id}"),
        ("GET /policies/usage-limits/{id}", "item", "{id}"),
        ("GET /policies", "organisation", ""),
        ("POST /api-keys/{type}/{sub_type}", "list", ""),
        ("POST /api-keys/workspace/user", "list", ""),
        ("POST /api-keys/organisation/service", "organisation", ""),
        ("POST /api-keys/{id}/rotate", "item", "{id}"),
        ("GET /api-keys/workspace", "item", "workspace"),
        ("GET /api-keys/workspace/a/b", "item", "workspace"),
        ("GET /analytics/graphs/cost", "list", ""),
        ("GET /analytics/groups/workspaces", "organisation", ""),
        ("GET /analytics/groups/workspace", "organisation", ""),
        ("GET /analytics/groups/{group_by}", "list", ""),
        ("GET /audit-logs", "list", ""),
        ("GET /scim/workspaces", "list", ""),
        ("DELETE /scim/workspaces/{mapping_id}", "organisation", ""),
        ("GET /integrations/{slug}", "item", "{slug}"),
        ("PUT /integrations/{slug}/models", "item", "{slug}"),
        ("PUT /integrations/{slug}/workspaces", "organisation", ""),
        ("GET /mcp-integrations/{id}/workspaces", "organisation", ""),
        ("GET /guardrails/{id}/workspaces", "item", "{id}"),
        ("GET /v0.1/servers", "list", ""),
        ("GET /something-new", "organisation", ""),
        ("GET /", "organisation", ""),
    ],
)
def test_the_reach_of_a_request_is_seen_by_its_path(endpoint, reach, object_id):
    place = place_of_endpoint(endpoint)

    assert (place.reach, place.object_id) == (reach, object_id)


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("list_configs", "list"),
        ("list_workspaces", "list"),
        ("get_config", "item"),
        ("get_workspace", "workspace"),
        ("delete_workspace", "organisation"),
        ("update_prompt", "item"),
        ("create_prompt", "list"),
        ("list_audit_logs", "list"),
        ("get_analytics_group", "list"),
        ("list_all_users", "organisation"),
        ("validate_completion_metadata", "none"),
        ("get_provider_price_list", "none"),
    ],
)
def test_the_reach_of_a_tool_is_that_of_its_requests(name, reach):
    assert reach_of(TOOLS[name]) == reach


@pytest.mark.parametrize(
    ("name", "changes", "reach"),
    [
        # It works without what is optional, although that is about the whole organisation.
        ("get_config", {"endpoints": (GET_CONFIG, USERS), "optional": (USERS,)}, "item"),
        ("get_config", {"endpoints": (GET_CONFIG, USERS)}, "organisation"),
        ("get_config", {"endpoints": ("GET /pricing/{provider}.json", GET_CONFIG)}, "item"),
        # A list without an argument that names the workspace.
        ("get_integration", {"endpoints": ("GET /configs",)}, "organisation"),
    ],
)
def test_the_reach_of_a_workflow_is_that_of_the_requests_that_it_must_make(name, changes, reach):
    assert reach_of(replace(TOOLS[name], **changes)) == reach


def test_of_the_servers_own_tools_only_those_known_to_stay_within_a_bound_are_offered():
    own = {tool.name: tool for tool in tools_in(own_modules())}

    assert {reach_of(own["whoami"]), reach_of(own["preview_change"])} == {"none"}
    assert reach_of(replace(own["whoami"], function=_new_own_tool)) == "organisation"


DOMAIN = "changes"
"""As in the modules of the server's own tools."""


async def _new_own_tool(_api):
    """A tool of the server's own that shows what it likes."""


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("get_workspace", WorkspaceArgument("workspace_id", True)),
        ("list_api_keys", WorkspaceArgument("workspace_id", False)),
        ("list_guardrails", WorkspaceArgument("workspace_id", False, ("organisation_id",))),
        ("list_prompts", WorkspaceArgument("workspace_id", False, ("collection_id",))),
        ("get_cost_analytics", WorkspaceArgument("workspace_slug", False)),
        ("create_log_export", WorkspaceArgument("workspace_id", False)),
        ("get_prompt", None),
    ],
)
def test_the_argument_that_names_the_workspace_is_derived_from_the_signature(name, argument):
    assert workspace_argument(TOOLS[name]) == argument


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, []),
        ({"workspace_id": "a"}, ["a"]),
        ({"workspace_slug": "a,b"}, ["a", "b"]),
        ({"workspace_id": ["a", "b"], "workspace_slug": "a"}, ["a", "b"]),
        ({"workspace_id": None, "workspace_slug": ""}, []),
        ({"workspaces": [{"id": "a", "role": "admin"}, {"slug": "b"}, "c", None]}, ["a", "b", "c"]),
        ({"allowed_workspaces": ["a"], "workspace_ids": "b, c"}, ["a", "b", "c"]),
        ({"conditions": [{"deep": {"workspace_id": "a"}}]}, ["a"]),
        ({"name": "workspace_id", "workspace": "a"}, []),
    ],
)
def test_the_workspaces_that_arguments_name_are_found_at_any_depth(arguments, names):
    assert workspaces_named(arguments) == names


def test_arguments_that_are_nested_without_end_are_refused():
    def nested(depth):
        return {"workspace_id": "a"} if depth == 0 else [nested(depth - 1)]

    assert workspaces_named(nested(28)) == ["a"]
    with pytest.raises(NotPermitted, match="nested too deeply"):
        workspaces_named(nested(29))


@pytest.mark.parametrize(
    ("arguments", "references"),
    [
        ({"collection_id": "c"}, [(("collections",), "c")]),
        ({"target_collection_id": "c"}, [(("collections",), "c")]),
        ({"parent_collection_id": None, "config_id": ""}, []),
        ({"defaults": {"config_id": "pc"}}, [(("configs",), "pc")]),
        ({"mcp_servers": ["a", "b"]}, [(("mcp-servers",), "a"), (("mcp-servers",), "b")]),
        ({"mcp_servers": {"a": {"x": 1}}}, [(("mcp-servers",), "a")]),
        ({"items": [{"mcp_server_id": "a"}]}, [(("mcp-servers",), "a")]),
        ({"name": "collection_id", "mcp_servers": [{"id": 1}]}, []),
    ],
)
def test_the_objects_that_arguments_refer_to_are_found_at_any_depth(arguments, references):
    assert list(references_in(arguments)) == references


def test_a_request_is_taken_apart_with_its_path_unquoted():
    body = b'{"a": 1}'
    request = request_of("PUT", "/v1/configs/a%2Fb?workspace_id=w%20s&empty=", body)

    assert request == ("PUT", ("configs", "a/b"), {"workspace_id": "w s", "empty": ""}, {"a": 1})
    assert request_of("GET", "https://mcp.example/v0.1/servers", None).segments == (
        "v0.1",
        "servers",
    )


@pytest.mark.parametrize(
    ("query", "body", "place", "is_placed"),
    [
        ("", None, {}, False),
        ("?workspace_id=a", None, {"workspace_id": "a"}, True),
        ("?workspace_slug=a", None, {}, True),
        ("", {"workspace_id": "b"}, {"workspace_id": "b"}, True),
        ("?workspace_id=", {"collection_id": "c"}, {}, True),
        ("", {"parent_collection_id": "c"}, {}, True),
        ("", [{"workspace_id": "b"}], {}, False),
        ("", {"workspaces": ["b"]}, {}, False),
    ],
)
def test_where_a_request_is_is_seen_by_its_query_or_body(query, body, place, is_placed):
    request = request_of(
        "POST", f"/v1/configs{query}", None if body is None else json.dumps(body).encode()
    )

    assert where(request) == place
    assert names_place(request) is is_placed


@pytest.fixture
def support(emulator):
    return emulator.store.table("workspaces").where(name="Support")[0]


@pytest.fixture
def science(emulator):
    return emulator.store.table("workspaces").where(name="Science")[0]


async def test_a_workspace_has_two_names_which_are_read_once_a_minute(
    emulator, api, support, science, monkeypatch
):
    names = frozenset({support["id"], support["slug"]})
    emulator.log.clear()

    assert await names_of(api, support["slug"]) == names
    assert await names_of(api, support["id"]) == names
    assert len(emulator.log) == 1
    assert await names_of(api, science["id"]) == {science["id"], science["slug"]}
    assert await names_of(api, support["id"]) == names
    assert len(emulator.log) == 2
    monkeypatch.setattr(policy_lookup, "KEPT_S", 0.0)
    assert await names_of(api, support["id"]) == names
    assert len(emulator.log) == 3
    assert await names_of(api, "ws-missing") is None


async def test_names_of_many_workspaces_are_not_kept_without_end(
    emulator, api, support, science, monkeypatch
):
    monkeypatch.setattr(policy_lookup, "MAX_NAMES", 2)
    emulator.log.clear()
    for slug in (support["slug"], science["slug"], science["id"], support["slug"]):
        await names_of(api, slug)

    assert len(emulator.log) == 3


async def test_an_answer_about_another_workspace_than_the_named_one_counts_as_none(api, emulator):
    answer = emulator.answer

    def always_support(method, target, *rest):
        if target == "/v1/admin/workspaces/id-only":
            return 200, {}, b'{"id": "id-only", "slug": null}'
        if target.startswith("/v1/admin/workspaces/"):
            return 200, {}, b'{"id": "other", "slug": "ws-other"}'
        return answer(method, target, *rest)

    emulator.answer = always_support
    assert await names_of(api, "ws-named") is None
    assert await names_of(api, "ws-other") == {"other", "ws-other"}
    assert await names_of(api, "id-only") == {"id-only"}


async def test_an_object_is_looked_up_once_and_by_its_collection_if_need_be(emulator, api, support):
    lookup = Lookup(api)
    emulator.log.clear()

    for _ in range(2):
        partial = await lookup.owner(("prompts", "partials"), "pl-closin-fc93b2", {})
        assert partial == support["id"]
    assert len(emulator.log) == 2
    assert await lookup.owner(("prompts",), "pp-missing", {}) is None
    assert await lookup.owner(("integrations",), "openai", {}) is None
    assert await lookup.owner_in(["a"], {}) is None
    assert await lookup.owner_in({"collection_id": 3}, {}) is None
    assert await lookup.owner_in({"workspace_id": None, "workspace_slug": "ws-a"}, {}) == "ws-a"


class Sent:
    """A bounded transport on the emulator, or on fixed answers."""

    def __init__(self, emulator, api, *allowed, answers=None):
        self.headers = {"x-portkey-api-key": emulator.keys()["owner"]}
        self.targets = []
        self._answers = answers or {}
        self._next = InProcess(emulator)
        self._bound = Bound(self._record, api, [frozenset(each) for each in allowed])

    async def _record(self, method, target, headers, body):
        self.targets.append(f"{method} {target}")
        path = target.partition("?")[0]
        if path in self._answers:
            return self._answers[path]
        return await self._next(method, target, headers, body)

    async def __call__(self, method, target, body=None):
        sent = None if body is None else json.dumps(body).encode()
        status, _, content = await self._bound(method, target, self.headers, sent)
        return status, json.loads(content or b"null")


@pytest.fixture
def sent(emulator, api, support):
    """Requests that may only reach Support."""
    return Sent(emulator, api, (support["id"], support["slug"]))


REFUSED = [
    ("GET", "/v1/configs", None, "name the workspace: this server is limited to ws-suppor"),
    ("GET", "/v1/configs?workspace_id={other}", None, "is another workspace"),
    ("GET", "/v1/configs?workspace_id={own}&workspace_slug={other}", None, "is another workspace"),
    ("GET", "/v1/admin/users", None, "this is about the whole organisation"),
    ("GET", "/v1/admin/workspaces/{other}", None, "is another workspace"),
    ("PUT", "/v1/admin/workspaces/{other}", {"name": "a"}, "is another workspace"),
    ("POST", "/v1/admin/workspaces", {"name": "a"}, "whole organisation"),
    ("GET", "/v1/guardrails?organisation_id=o", None, "organisation_id: this server is limited"),
    ("POST", "/v1/guardrails", {"workspace_id": "{own}", "organisation_id": "o"},
     "organisation_id"),
    ("GET", "/v1/audit-logs?organisation_id=o", None, "organisation_id: "),
    ("GET", "/v1/audit-logs", None, "name the workspace"),
    ("PUT", "/v1/configs/pc-missing", {"name": "a"}, "the workspace of 'pc-missing' is not known"),
    ("GET", "/v1/prompts/pp-missing/versions", None, "the workspace of 'pp-missing' is not known"),
    ("DELETE", "/v1/integrations/openai", None, "the workspace of 'openai' is not known"),
    ("GET", "/v1/integrations/openai", None, "its workspace is not known"),
    ("POST", "/v1/collections", {"workspace_id": "{own}", "parent_collection_id": "{collection}"},
     "is another workspace"),
    ("POST", "/v1/prompts", {"collection_id": "{collection}"}, "is another workspace"),
    ("POST", "/v1/prompts", {"name": "a"}, "name the workspace"),
    ("PUT", "/v1/guardrails/pg-short-ae8ec2/mcp-servers/none", {}, "workspace of 'none' is not"),
    ("PUT", "/v1/guardrails/pg-short-ae8ec2/mcp-servers", {"mcp_servers": {"none": {}}},
     "workspace of 'none' is not"),
    ("GET", "/v1/collections/{collection}", None, "is another workspace"),
    ("DELETE", "/v1/collections/{collection}", None, "is another workspace"),
]  # fmt: skip


def filled(value, names):
    text = json.dumps(value)
    for name, each in names.items():
        text = text.replace(f"{{{name}}}", each)
    return json.loads(text)


@pytest.mark.parametrize(("method", "target", "body", "message"), REFUSED)
async def test_a_request_beyond_the_bound_is_not_sent(
    emulator, sent, support, science, method, target, body, message
):
    (collection,) = emulator.store.table("collections").where(workspace_id=science["id"])
    names = {"own": support["id"], "other": science["id"], "collection": collection["id"]}
    with pytest.raises(NotPermitted) as error:
        await sent(method, filled(target, names), filled(body, names))

    assert message in str(error.value)
    is_checked_by_its_answer = method == "GET" and target.count("/") == 3 and "admin" not in target
    assert bool(sent.targets) is is_checked_by_its_answer


SENT = [
    ("GET", "/v1/configs?workspace_id={own}", None),
    ("GET", "/v1/configs?workspace_id={slug}", None),
    ("GET", "/v1/admin/workspaces/{slug}", None),
    ("GET", "/v1/configs/pc-cached-a625f7", None),
    ("GET", "/v1/prompts?collection_id=co-macros-722fe6", None),
    ("PUT", "/v1/configs/pc-cached-a625f7", {"name": "a"}),
    ("GET", "/v1/prompts/pp-summarise-be26b6/versions", None),
    ("GET", "/v1/guardrails/pg-short-ae8ec2/mcp-servers", None),
    ("PUT", "/v1/guardrails/pg-short-ae8ec2/mcp-servers/support-github", {"is_enabled": True}),
    ("GET", "/model-configs/pricing/openai/gpt-4o", None),
    ("GET", "/v1/audit-logs?organisation_id={organisation}&workspace_id={own}"
     "&start_time=2026-10-20T00:00:00Z&end_time=2026-11-02T00:00:00Z", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "body"), SENT)
async def test_a_request_within_the_bound_is_sent_as_it_is(
    emulator, sent, support, method, target, body
):
    names = {
        "own": support["id"],
        "slug": support["slug"],
        "organisation": emulator.store.table("api_keys").rows()[0]["organisation_id"],
    }
    status, _answer = await sent(method, filled(target, names), body)

    assert status < 300, _answer
    assert sent.targets == [f"{method} {filled(target, names)}"]


def json_answer(value, status=200):
    return status, {}, json.dumps(value).encode()


ANSWERS = [
    ({"data": [{"workspace_id": "a"}, {"workspace_id": "b"}, {"id": 1}, "x"], "total": 4},
     {"data": [{"workspace_id": "a"}, {"id": 1}, "x"], "total": 3}),
    ({"records": [{"workspace_slug": "b"}], "total_count": 1, "total": "many"},
     {"records": [], "total_count": 0, "total": "many"}),
    ({"mappings": [{"workspace_id": "ws-a"}], "total": 9},
     {"mappings": [{"workspace_id": "ws-a"}], "total": 9}),
    ({"objects": [{"workspace_id": "", "workspace_slug": "ws-a"}]},
     {"objects": [{"workspace_id": "", "workspace_slug": "ws-a"}]}),
    ({"servers": [{"prompt_owning_workspace_id": "b"}]}, {"servers": []}),
    ([{"workspace_id": "b"}, {"workspace_id": "a"}], [{"workspace_id": "a"}]),
    ({"name": "x"}, {"name": "x"}),
    ({"workspace_id": "b"}, None),
    ({"data": {"workspace_id": "b"}}, None),
    ({"data": {"workspace_id": "a"}}, {"data": {"workspace_id": "a"}}),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "left"), ANSWERS)
async def test_rows_and_objects_of_other_workspaces_do_not_come_back(emulator, api, answer, left):
    sent = Sent(emulator, api, ("a", "ws-a"), answers={"/v1/configs": json_answer(answer)})

    if left is None:
        with pytest.raises(NotPermitted):
            await sent("GET", "/v1/configs?workspace_id=a")
    else:
        assert await sent("GET", "/v1/configs?workspace_id=a") == (200, left)


@pytest.mark.parametrize(
    "answer", [[{"workspace_id": "a"}], {"data": [{"workspace_id": "a"}]}, {"name": "x"}]
)
async def test_an_object_that_does_not_show_its_workspace_does_not_come_back(emulator, api, answer):
    sent = Sent(emulator, api, ("a",), answers={"/v1/configs/pc-a": json_answer(answer)})

    with pytest.raises(NotPermitted, match="its workspace is not known"):
        await sent("GET", "/v1/configs/pc-a?workspace_id=a")


async def test_an_answer_that_is_no_json_is_refused_and_an_error_or_nothing_passes(emulator, api):
    answers = {
        "/v1/configs": (200, {}, b"<html>"),
        "/v1/labels": json_answer({"data": {"workspace_id": "b"}}, 404),
        "/v1/collections": (204, {}, b""),
        "/v1/guardrails": (299, {}, b"3"),
    }
    sent = Sent(emulator, api, ("a",), answers=answers)

    with pytest.raises(NotPermitted, match="cannot be read"):
        await sent("GET", "/v1/configs?workspace_id=a")
    assert (await sent("GET", "/v1/labels?workspace_id=a"))[0] == 404
    assert await sent("GET", "/v1/collections?workspace_id=a") == (204, None)
    with pytest.raises(NotPermitted):
        await sent("GET", "/v1/guardrails?workspace_id=a")


async def test_a_change_may_be_answered_with_any_json_or_nothing(emulator, api, support):
    path = "/v1/configs/pc-cached-a625f7"
    for answer in ([1], {}, {"data": {"id": 1}}):
        sent = Sent(emulator, api, (support["id"],), answers={path: json_answer(answer)})
        assert await sent("PUT", path, {"name": "a"}) == (200, answer)


async def test_a_file_may_be_read_if_an_allowed_answer_named_it(emulator, api):
    link = "https://files.example/export.jsonl"
    answers = {
        "/v1/logs/exports": json_answer({"signed_url": link}),
        link: (200, {}, b"{}"),
    }
    sent = Sent(emulator, api, ("a",), answers=answers)

    with pytest.raises(NotPermitted):
        await sent("GET", link)
    await sent("GET", "/v1/logs/exports?workspace_id=a")
    assert await sent("GET", link) == (200, {})


async def test_the_list_of_workspaces_is_made_of_those_that_are_allowed(emulator, api):
    def row(name, **more):
        return json_answer({"data": {"name": name, "users": [1], **more}})

    answers = {
        "/v1/admin/workspaces/ws-a": row("🔬 Alpha", id="a", slug="ws-a", status="active"),
        "/v1/admin/workspaces/b": row("Beta", id="b", status="archived"),
        "/v1/admin/workspaces/c": row("Wrong", id="other"),
    }
    sent = Sent(emulator, api, ("a", "ws-a"), ("b",), ("c",), answers=answers)

    async def names(query):
        _status, answer = await sent("GET", f"/v1/admin/workspaces{query}")
        assert all("users" not in each for each in answer["data"])
        return answer["total"], [each["name"] for each in answer["data"]]

    assert await names("") == (2, ["🔬 Alpha", "Beta"])
    assert await names("?page_size=1&current_page=1") == (2, ["Beta"])
    assert await names("?page_size=1&current_page=2") == (2, [])
    assert await names("?name=lph") == (1, ["🔬 Alpha"])
    assert await names("?exact_name=Alpha") == (1, ["🔬 Alpha"])
    assert await names("?exact_name=Alph") == (0, [])
    assert await names("?status=archived") == (1, ["Beta"])


async def test_if_a_workspace_cannot_be_read_the_list_is_that_answer(emulator, api):
    answers = {"/v1/admin/workspaces/a": json_answer({"why": "no"}, 403)}

    assert await Sent(emulator, api, ("a",), answers=answers)("GET", "/v1/admin/workspaces") == (
        403,
        {"why": "no"},
    )


async def test_without_any_workspace_nothing_is_allowed(emulator, api):
    sent = Sent(emulator, api)

    with pytest.raises(NotPermitted, match="limited to no workspace"):
        await sent("GET", "/v1/configs?workspace_id=a")
    assert await sent("GET", "/v1/admin/workspaces") == (
        200,
        {"object": "list", "total": 0, "data": []},
    )
