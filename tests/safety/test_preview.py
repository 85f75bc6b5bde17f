"""A preview says what a call would change, what depends on it, and changes nothing."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
import quicktok
from pydantic import SecretStr

from drawn_calls import TOOLS
from people import Person
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety import dependants, lists
from portkey_admin_mcp.safety.differences import differences
from portkey_admin_mcp.safety.objects import ObjectNow, is_typable, label_of, read_object
from portkey_admin_mcp.safety.preview import WouldChange, look_at, record_only
from portkey_admin_mcp.safety.preview_lines import lines_of, visible
from portkey_admin_mcp.safety.preview_text import question_of, shown
from portkey_admin_mcp.safety.risk import rating_of
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from portkey_admin_mcp.settings.settings import Settings
from safety.risky_calls import LESS_RISKY, RISKY, Finder
from safety.write_calls import CALLS, OTHERS

WRITES = [name for name, tool in TOOLS.items() if tool.effect != "read"]
MAX_TOKENS = 1_500
NOT_READABLE = ("update_feedback",)
"""Tools for whose object Portkey has no request that reads it."""


@cache
def o200k():
    return quicktok.get_encoding("o200k_base")


@pytest.fixture
def find(emulator):
    return Finder(emulator)


@pytest.fixture
def preview_of(api):
    """The preview of a call, for whoever knows the arguments."""

    async def look(name, arguments, client=api):
        tool = TOOLS[name]
        model = arguments_model(tool)
        checked = read_arguments(model, accepted_schema(model), arguments)
        rating = rating_of(tool, checked)
        seen = await look_at(tool, client, lambda other: call_flat(tool, other, checked), rating)
        assert not isinstance(seen, Record)
        return seen

    return look


class TestEachTool:
    """Of all tools that write, with a real call of each."""

    def test_there_is_a_call_of_each(self):
        assert {*CALLS} == {*WRITES}
        assert not {*OTHERS} & {*RISKY, *LESS_RISKY}

    @pytest.mark.parametrize("name", WRITES)
    async def test_its_preview_changes_nothing_is_short_and_verified_and_names_the_object(
        self, name, find, changes, preview_of
    ):
        seen = await preview_of(name, CALLS[name](find))
        answer = shown(seen)

        assert changes() == []
        assert tokens(answer) <= MAX_TOKENS
        unverified = [part for part, is_verified in verified_in(answer) if not is_verified]
        assert unverified == (["object"] if name in NOT_READABLE else [])
        assert answer["requests"][0]["request"].split(" ")[0] == seen.change.method
        assert (seen.rating.risk == "high") == bool(seen.rating.reasons) == (name in RISKY)
        if name in RISKY:
            question = question_of(seen)
            first, *_, last = question.message.split("\n")
            assert first.startswith(f'{TOOLS[name].title}: "{NAMES[name]}"')
            assert last == f"To confirm, type its name: {NAMES[name]}"
            assert question.label == NAMES[name]
            assert question.message.split("\n")[:-1] == lines_of(answer)

    @pytest.mark.parametrize("name", [name for name in LESS_RISKY if name in RISKY])
    async def test_another_call_of_it_is_not_of_high_risk(self, name, find, preview_of):
        assert (await preview_of(name, LESS_RISKY[name](find))).rating.risk != "high"

    @pytest.mark.parametrize("name", ["delete_user", "update_config", "create_prompt"])
    async def test_its_preview_is_short_even_if_what_it_shows_is_long(self, name, find, preview_of):
        seen = await preview_of(name, CALLS[name](find))
        ids = [f"3f0e7b1c-4d2a-4c59-9e5f-{number:012x}" for number in range(400)]
        long = {"description": "ä" * 5_000, "tags": dict.fromkeys(ids, "x" * 300), "rows": ids}
        counts = [dependants.DependantCount("late", f"kind {n}", 400, ids[:5]) for n in range(8)]
        body = {**(seen.change.body or {}), "large": {"ids": ids, "text": "\u202e" * 9_000}}
        body |= {"\u202e" * 300: 1, "deep": {"x" * 9_000: 1}}
        large = seen._replace(
            change=replace(seen.change, body=body),
            now=seen.now._replace(fields={**(seen.now.fields or {}), **long}),
            surroundings=dependants.Surroundings(
                counts, dependants.Use(requests=3, last_seen="2026-11-02")
            ),
        )

        assert tokens(shown(large)) <= MAX_TOKENS
        assert "\u202e" not in json.dumps(shown(large), ensure_ascii=False)


def tokens(answer):
    return len(o200k().encode(json.dumps(answer, ensure_ascii=False)))


def verified_in(node, name=""):
    """Each part of a preview that says whether it is verified."""
    if isinstance(node, dict):
        if "verified" in node:
            assert node["verified"] or node["why"]
            yield name, node["verified"]
        for key, value in node.items():
            yield from verified_in(value, key)


NAMES = {
    "delete_user": "emi@acme.example",
    "remove_workspace_member": "diego@acme.example",
    "delete_workspace": "Support",
    "delete_scim_workspace_mapping": "Support staff",
    "update_organisation_defaults": "organisation defaults",
    "update_input_guardrail_workspace_exclusions": "workspace exclusions input guardrails",
    "update_output_guardrail_workspace_exclusions": "workspace exclusions output guardrails",
    "update_secret_reference": "OpenAI key",
    "delete_secret_reference": "OpenAI key",
    "update_integration": "OpenAI",
    "delete_integration": "OpenAI",
    "delete_integration_model": "mine",
    "update_integration_workspaces": "OpenAI",
    "update_provider": "OpenAI for all",
    "delete_provider": "OpenAI for all",
    "update_virtual_key": "OpenAI main",
    "delete_virtual_key": "OpenAI shared",
    "delete_guardrail": "Short answers",
    "update_config": "Cached answers",
    "delete_config": "Cached answers",
    "create_api_key": "CI",
    "update_api_key": "Dashboard",
    "delete_api_key": "Dashboard",
    "rotate_api_key": "Dashboard",
    "delete_collection": "Drafts",
    "update_prompt_label": "reviewed",
    "delete_prompt_label": "reviewed",
    "delete_prompt_partial": "Closing",
    "delete_prompt": "Reply to customer",
    "delete_usage_limit": "Per person",
    "update_mcp_integration": "GitHub",
    "delete_mcp_integration": "GitHub",
    "update_mcp_integration_workspaces": "GitHub",
    "delete_mcp_server": "Support GitHub",
    "update_mcp_server_user_access": "Support GitHub",
    "disconnect_mcp_server_connection": "Support GitHub",
    "update_deployment": "Europe",
    "archive_deployment": "Europe",
    "update_prompt_partial": "Closing",
    "update_integration_models": "OpenAI",
    "update_user": "emi@acme.example",
    "invite_user": "new@acme.example",
}
"""What a person calls the object of each call in `RISKY`."""


async def counts_of(preview_of, name, arguments):
    """What depends on the object of a call: kind → names, without those of which there are none."""
    seen = await preview_of(name, arguments)
    assert all(not count.why for count in seen.surroundings.counts)
    return {count.kind: {*count.names} for count in seen.surroundings.counts if count.total}


class TestDependants:
    """What depends on an object, found by the lists that name it."""

    async def test_of_a_config_they_are_keys_and_workspaces(self, find, preview_of):
        workspace = find.id("workspaces", "Support")
        slug = find.slug("configs", "Support fallback")
        body = {"defaults": {"user_api_key_config": slug}}
        find.send("PUT", f"/v1/admin/workspaces/{workspace}", body)

        assert await counts_of(preview_of, "delete_config", {"slug": slug}) == {
            "API keys": {"Workspace service"},
            "workspaces": {"Support"},
        }

    async def test_of_a_guardrail_they_are_configs_and_defaults(self, find, preview_of):
        guardrail = find.slug("guardrails", "No secrets")
        config = find.slug("configs", "Cached answers")
        body = {"config": {"retry": {"attempts": 1}, "input_guardrails": [guardrail]}}
        find.send("PUT", f"/v1/configs/{config}", body)
        find.send("PUT", "/v2/admin/organisation/defaults", {"output_guardrails": [guardrail]})

        assert await counts_of(preview_of, "delete_guardrail", {"guardrail_id": guardrail}) == {
            "configs": {"Cached answers"},
            "defaults of the organisation for answers": {guardrail},
        }

    async def test_of_an_integration_they_are_providers_and_workspaces(self, find, preview_of):
        CALLS["delete_provider"](find)

        assert await counts_of(preview_of, "delete_integration", {"slug": "openai"}) == {
            "providers": {"OpenAI for all"},
            "workspaces": {"🔬 Science"},
        }

    async def test_of_a_virtual_key_they_are_prompts_and_configs(self, find, preview_of):
        arguments = {"slug": find.slug("virtual_keys", "OpenAI main")}

        assert await counts_of(preview_of, "delete_virtual_key", arguments) == {
            "configs": {"Support fallback", "Cached answers"},
            "prompts": {"Reply to customer"},
        }

    async def test_of_a_provider_they_are_configs_that_name_it_with_its_model(
        self, find, preview_of
    ):
        slug = CALLS["delete_provider"](find)["slug"]
        science = find.id("workspaces", "Science")
        config = {"provider": f"@{slug}", "override_params": {"model": f"@{slug}/gpt-5"}}
        body = {"name": "By provider", "config": config, "workspace_id": science}
        find.send("POST", "/v1/configs", body)
        arguments = {"slug": slug, "workspace_id": science}

        counts = await counts_of(preview_of, "delete_provider", arguments)
        assert counts == {"configs": {"By provider"}}

    async def test_of_a_secret_reference_they_are_those_that_map_it(self, find, preview_of):
        mapping = [{"target_field": "key", "secret_reference_id": "openai-key"}]
        find.send("PUT", "/v1/integrations/openai", {"secret_mappings": mapping})
        vk = find.slug("virtual_keys", "OpenAI main")
        find.send("PUT", f"/v1/virtual-keys/{vk}", {"secret_mappings": mapping})

        assert await counts_of(preview_of, "delete_secret_reference", {"id": "openai-key"}) == {
            "integrations": {"OpenAI"},
            "virtual keys": {"OpenAI main"},
        }

    @pytest.mark.parametrize(
        ("name", "arguments", "counts"),
        [
            (
                "delete_collection",
                lambda find: {"collection_id": find.slug("collections", "Macros")},
                {"prompts": {"Reply to customer", "Summarise thread"}},
            ),
            (
                "delete_user",
                lambda find: {"user_id": find.user("Emi")},
                {"API keys": {"Workspace user"}, "workspaces": {"Support"}},
            ),
            (
                "remove_workspace_member",
                lambda find: {
                    "workspace_id": find.id("workspaces", "Support"),
                    "user_id": find.user("Emi"),
                },
                {"API keys of this person in the workspace": {"Workspace user"}},
            ),
            (
                "delete_prompt_label",
                RISKY["delete_prompt_label"],
                {"prompts with a version under it": {"Reply to customer"}},
            ),
            (
                "delete_prompt_partial",
                RISKY["delete_prompt_partial"],
                {"prompts": {"Reply to customer"}},
            ),
            (
                "delete_mcp_integration",
                RISKY["delete_mcp_integration"],
                {"MCP servers": {"Support GitHub"}, "workspaces": {"Support"}},
            ),
            (
                "disconnect_mcp_server_connection",
                RISKY["disconnect_mcp_server_connection"],
                {"people who are signed out": {"Emi Tanaka"}},
            ),
            (
                "delete_usage_limit",
                RISKY["delete_usage_limit"],
                {
                    "budgets that it counts": {
                        "metadata._user:diego@acme.example",
                        "metadata._user:emi@acme.example",
                    }
                },
            ),
            (
                "delete_workspace",
                RISKY["delete_workspace"],
                {
                    "members": {"emi@acme.example", "diego@acme.example"},
                    "API keys": {"Workspace user", "Workspace service"},
                    "configs": {"Cached answers", "Support fallback"},
                    "prompts": {"Reply to customer", "Summarise thread"},
                    "virtual keys": {"OpenAI main", "Anthropic main"},
                    "guardrails": {"Short answers"},
                    "MCP servers": {"Support GitHub"},
                },
            ),
        ],
    )
    async def test_of_others(self, name, arguments, counts, find, preview_of):
        assert await counts_of(preview_of, name, arguments(find)) == counts

    @pytest.mark.parametrize(
        ("name", "requests"),
        [("delete_api_key", 8_944), ("delete_prompt", 13_720), ("delete_provider", 0)],
    )
    async def test_the_last_use_comes_from_analytics(self, name, requests, find, preview_of):
        use = (await preview_of(name, RISKY[name](find))).surroundings.use

        assert (use.requests, use.why) == (requests, "")
        assert use.last_seen.startswith("2026-11-02T08:") == bool(requests)

    async def test_what_the_key_may_not_read_is_not_verified_and_raises_the_risk(
        self, find, connect, emulator, preview_of
    ):
        arguments = LESS_RISKY["delete_config"](find)
        narrow = without_scope(emulator, connect, "workspaces.list")

        seen = await preview_of("delete_config", arguments, narrow)
        answer = shown(seen)

        assert answer["depends_on_it"]["API keys"] == {"total": 0, "verified": True}
        assert answer["depends_on_it"]["workspaces"] == {
            "at_least": 0,
            "verified": False,
            "why": "it could not be read (Forbidden, status 403)",
        }
        assert seen.rating.risk == "high"
        assert "not verified: workspaces" in seen.rating.reasons

    async def test_an_object_that_cannot_be_read_raises_the_risk(
        self, find, connect, emulator, preview_of
    ):
        arguments = LESS_RISKY["delete_prompt_label"](find)
        narrow = without_scope(emulator, connect, "prompts.read")
        seen = await preview_of("delete_prompt_label", arguments, narrow)

        assert seen.rating.risk == "high"
        assert shown(seen)["object"]["why"] == "it could not be read (Forbidden, status 403)"

    async def test_of_many_some_are_named_and_all_are_counted(self, find, preview_of):
        workspace = find.id("workspaces", "Support")
        slug = find.slug("configs", "Cached answers")
        for number in range(12):
            body = {
                "name": f"Key {number}",
                "scopes": ["completions.write"],
                "workspace_id": workspace,
                "defaults": {"config_id": slug},
            }
            find.send("POST", "/v1/api-keys/workspace/service", body)

        seen = await preview_of("delete_config", {"slug": slug})
        keys = shown(seen)["depends_on_it"]["API keys"]

        assert keys["total"] == 12
        assert len(keys["names"]) == 5
        assert "and 7 more" in question_of(seen).message

    async def test_a_list_that_goes_on_counts_as_at_least(self, find, preview_of, monkeypatch):
        monkeypatch.setattr(lists, "PAGE_SIZE", 1)
        monkeypatch.setattr(lists, "MAX_PAGES", 1)
        seen = await preview_of("delete_workspace", RISKY["delete_workspace"](find))

        assert shown(seen)["depends_on_it"]["API keys"] == {
            "at_least": 1,
            "names": ["Workspace user"],
            "verified": False,
            "why": "only the first 1 were looked at",
        }

    @pytest.mark.parametrize(
        ("changes_of_answer", "count", "why"),
        [
            ({}, 8, ""),
            ({"total": None, "has_more": None}, 8, ""),
            ({"total": None, "has_more": False}, 8, ""),
            ({"total": 900}, 8, "only the first 8 were looked at"),
        ],
    )
    async def test_a_list_without_pages_counts_once(self, changes_of_answer, count, why, emulator):
        class Unpaged(InProcess):
            async def __call__(self, method, target, headers, body):
                target = target.partition("?")[0]
                status, fields, content = await super().__call__(method, target, headers, body)
                answer = json.loads(content) | changes_of_answer
                return status, fields, json.dumps(answer).encode()

        settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()["owner"]))
        reader = lists.ListReader(Portkey(settings, Unpaged(emulator), frozen_time))
        notes: list[str] = []
        rows = [row async for row in reader.rows("/api-keys", {}, {}, "data", notes.append)]

        assert len(rows) == count
        assert "".join(notes) == why

    async def test_lists_that_take_too_long_are_given_up(self, find, emulator, preview_of):
        class Slow(InProcess):
            async def __call__(self, method, target, headers, body):
                if target.startswith("/v1/api-keys"):
                    await asyncio.Event().wait()
                return await super().__call__(method, target, headers, body)

        settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()["owner"]))
        slow = Portkey(settings, Slow(emulator), frozen_time)
        change = await change_of(slow, "delete_config", LESS_RISKY["delete_config"](find))
        now = await read_object(slow, change)
        tool = TOOLS["delete_config"]

        around = await dependants.look_around(tool, slow, change, now, timeout_s=0.3)

        keys, workspaces = around.counts
        assert keys.why == "it took longer than 0.3 s"
        assert not workspaces.why
        assert "not verified: API keys" in around.reasons

    async def test_no_more_than_eight_requests_are_sent_at_once(self, find, emulator, preview_of):
        running: list[int] = []

        class Counting(InProcess):
            now = 0

            async def __call__(self, method, target, headers, body):
                self.now += 1
                running.append(self.now)
                await asyncio.sleep(0)
                try:
                    return await super().__call__(method, target, headers, body)
                finally:
                    self.now -= 1

        settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()["owner"]))
        client = Portkey(settings, Counting(emulator), frozen_time)
        await preview_of("delete_workspace", RISKY["delete_workspace"](find), client)

        assert 1 < max(running) <= 8

    def test_each_list_is_one_that_a_tool_declares(self):
        declared = {shape(path) for tool in TOOLS.values() for path in tool.endpoints}
        for tool in TOOLS.values():
            for each in tool.dependants:
                for endpoint in filter(None, [each.endpoint, each.content]):
                    assert shape(endpoint) in declared, (tool.name, endpoint)


def shape(endpoint):
    """An endpoint without the names of its placeholders."""
    return re.sub(r"\{\w+\}", "{}", endpoint)


def without_scope(emulator, connect, scope):
    """A client whose key may do everything but this."""
    table = emulator.store.table("api_keys")
    key = next(row for row in table.rows() if row["name"] == "Admin")
    owner = next(row for row in table.rows() if row["name"] == "Sandbox owner")
    table.change(key, {"scopes": [each for each in owner["scopes"] if each != scope]})
    return connect("admin")


async def change_of(api, name, arguments):
    """The first change of a call."""
    tool = TOOLS[name]
    model = arguments_model(tool)
    checked = read_arguments(model, accepted_schema(model), arguments)
    with pytest.raises(WouldChange) as would:
        await call_flat(tool, api.with_gate(record_only), checked)
    return would.value.change


class TestDifferences:
    """Field by field; two ways to write the same value are no difference."""

    @pytest.mark.parametrize(
        ("before", "sent"),
        [
            ({"a": 1}, {"a": 1}),
            ({"a": 500}, {"a": 500.0}),
            ({"is_default": 1}, {"is_default": True}),
            ({"config": '{"retry": {"attempts": 2}}'}, {"config": {"retry": {"attempts": 2}}}),
            ({"config": {"retry": {"attempts": 2}}}, {"config": '{"retry":{"attempts":2}}'}),
            ({"string": '[{"a": 1}]'}, {"string": '[{"a":1}]'}),
            (
                {"usage_limits": {"credit_limit": 5, "is_threshold_alerts_sent": False}},
                {"usage_limits": [{"credit_limit": 5}]},
            ),
            ({"usage_limits": [{"credit_limit": 5}]}, {"usage_limits": {"credit_limit": 5}}),
            ({"expires_at": "2026-11-02T09:00:00.000Z"}, {"expires_at": "2026-11-02T09:00:00Z"}),
            ({"tags": None}, {"tags": {}}),
            ({"rate_limits": []}, {"rate_limits": None}),
            ({"scopes": ["b", "a"]}, {"scopes": ["b", "a"]}),
            (
                {"data": [{"id": "x", "enabled": True}, {"id": "y", "enabled": True}]},
                {"workspaces": [{"id": "x", "enabled": True}]},
            ),
        ],
    )
    def test_there_is_none_between(self, before, sent):
        assert differences(before, sent) == {}

    @pytest.mark.parametrize(
        ("before", "sent", "result"),
        [
            ({"a": 1}, {"a": 2}, {"a": {"from": 1, "to": 2}}),
            ({}, {"a": 2}, {"a": {"to": 2}}),
            ({"a": 1}, {"a": None}, {"a": {"from": 1, "to": None, "clears": True}}),
            (
                {"config": '{"retry": {"attempts": 2}, "cache": {"mode": "simple"}}'},
                {"config": {"retry": {"attempts": 3}}},
                {
                    "config.retry.attempts": {"from": 2, "to": 3},
                    "config.cache": {"from": {"mode": "simple"}, "to": None, "removed": True},
                },
            ),
            (
                {"scopes": ["a", "b", "c"]},
                {"scopes": ["b", "d"]},
                {"scopes": {"added": ["d"], "removed": ["a", "c"]}},
            ),
            (
                {"scopes": list("abcdefgh")},
                {"scopes": []},
                {"scopes": {"removed": list("abcde"), "removed_in_all": 8}},
            ),
            (
                {"targets": [{"virtual_key": "a"}, {"virtual_key": "b"}]},
                {"targets": [{"virtual_key": "b"}, {"virtual_key": "a"}]},
                {
                    "targets": {
                        "from": [{"virtual_key": "a"}, {"virtual_key": "b"}],
                        "to": [{"virtual_key": "b"}, {"virtual_key": "a"}],
                    }
                },
            ),
            (
                {"checks": [{"id": "a", "parameters": {"n": 1}}, {"id": "b"}]},
                {"checks": [{"id": "a", "parameters": {"n": 2}}, {"id": "c"}]},
                {
                    "checks[a].parameters.n": {"from": 1, "to": 2},
                    "checks": {"added": [{"id": "c"}], "removed": [{"id": "b"}]},
                },
            ),
            (
                {"checks": [{"id": "a", "n": 1}, {"id": "a", "n": 2}]},
                {"checks": [{"id": "a", "n": 1}]},
                {"checks": {"removed": [{"id": "a", "n": 2}]}},
            ),
            (
                {"defaults": {"metadata": {"a": 1, "b": 2}, "config_id": "pc-1"}},
                {"defaults": {"metadata": {"a": 1}}},
                {"defaults.metadata.b": {"from": 2, "to": None, "removed": True}},
            ),
        ],
    )
    def test_it_is_shown_by_the_path_of_the_field(self, before, sent, result):
        assert differences(before, sent) == result

    async def test_a_config_that_is_sent_as_it_is_changes_nothing(self, find, preview_of):
        slug = find.slug("configs", "Support fallback")
        targets = [
            {"virtual_key": find.slug("virtual_keys", name)}
            for name in ("OpenAI main", "Anthropic main")
        ]
        config = {"strategy": {"mode": "fallback"}, "targets": targets}
        seen = await preview_of("update_config", {"slug": slug, "config": config})

        assert shown(seen)["changes"] == {}

    async def test_a_workspace_is_the_same_by_its_id_and_its_slug(self, find, preview_of):
        seen = await preview_of(
            "update_integration_workspaces", LESS_RISKY["update_integration_workspaces"](find)
        )

        assert shown(seen)["changes"] == {}

    async def test_a_new_secret_is_a_difference_and_cannot_be_undone(self, find, preview_of):
        seen = await preview_of("update_virtual_key", RISKY["update_virtual_key"](find))
        answer = shown(seen)

        assert answer["changes"] == {"key": {"from": "***", "to": "*** (new)"}}
        assert answer["undo"] == {
            "possible": False,
            "how": "the old value of key cannot be read back",
            "verified": True,
        }

    @pytest.mark.parametrize(
        ("name", "arguments", "how"),
        [
            ("rotate_api_key", {}, "the old secret does not come back"),
            ("update_deployment", {"rotate_auth": True}, "the old credentials do not come back"),
            ("update_api_key", {"reset_usage": True}, "what was counted is lost"),
            ("update_usage_limit", {"reset_usage_for_value": "x"}, "what was counted is lost"),
            ("reset_usage_limit_entity", {}, "what was counted is lost"),
            ("delete_user", {}, "what is deleted cannot be restored"),
            ("run_prompt_completion", {}, "the model's provider bills it"),
        ],
    )
    async def test_what_cannot_be_undone_says_why(self, name, arguments, how, find, preview_of):
        seen = await preview_of(name, {**CALLS[name](find), **arguments})

        assert shown(seen)["undo"] == {"possible": False, "how": how, "verified": True}

    @pytest.mark.parametrize("name", ["create_config", "update_config", "delete_config"])
    async def test_what_can_be_undone_says_how(self, name, find, preview_of):
        undo = shown(await preview_of(name, CALLS[name](find)))["undo"]

        assert undo["possible"]
        assert undo["how"].split(" ")[0] in ("by", "only")

    async def test_what_a_workflow_may_send_after_its_first_change_is_named(self, find, preview_of):
        answer = shown(await preview_of("migrate_prompt", CALLS["migrate_prompt"](find)))

        assert answer["requests"][0]["request"] == "POST /prompts"
        assert answer["then"]["possibly"] == ["PUT /prompts/{prompt_id}"]


HOSTILE = [
    'x"\nRisk: low. "',
    "x\rTo confirm, type its name: y",
    "x\u2028Can be undone: at once.",
    "x\u202egnirts",
    "x\u200by",
    "\u2066x\u2069",
    "x\x1b[2K",
    "x\u00a0y",
    "x\ufe0f",
    "x" * 61,
]


class TestQuestion:
    """A question can be read by a person who has not seen the conversation, and cannot be faked."""

    async def test_it_says_what_why_what_depends_on_it_and_whether_it_can_be_undone(
        self, find, preview_of
    ):
        seen = await preview_of("delete_virtual_key", {"slug": "openai-main-d52459"})

        assert question_of(seen).message.split("\n") == [
            'Delete virtual key: "OpenAI main" (id "8ea08d49-721e-40a1-ab05-76a5eb4d3a73", in '
            'workspace "Support")',
            "Risk: high: what is deleted cannot be restored.",
            'Depends on it: configs (2): "Cached answers", "Support fallback".',
            'Depends on it: prompts (1): "Reply to customer".',
            "27403 requests used it in the last 30 days, last at 2026-11-02T08:59:30.707Z.",
            "Cannot be undone: what is deleted cannot be restored.",
            "To confirm, type its name: OpenAI main",
        ]

    async def test_a_workspace_is_not_in_itself(self, find, preview_of):
        seen = await preview_of("delete_workspace", RISKY["delete_workspace"](find))

        first = lines_of(shown(seen))[0]
        assert re.fullmatch(r'Delete workspace: "Support" \(id "[^"]+"\)', first), first

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_a_name_cannot_look_like_a_line_of_it(self, name, find, emulator, preview_of):
        prompts = emulator.store.table("prompts")
        keys = emulator.store.table("virtual_keys")
        prompts.change(find.row("prompts", name="Reply to customer"), {"name": name})
        key = keys.change(find.row("virtual_keys", name="OpenAI main"), {"name": name})
        honest = await preview_of("delete_virtual_key", {"slug": "anthropic-main-1ff823"})
        seen = await preview_of("delete_virtual_key", {"slug": key["slug"]})
        question = question_of(seen)
        lines = question.message.split("\n")

        assert question.label == key["id"]
        assert lines[-1] == f"To confirm, type its id: {key['id']}"
        assert starts(lines[:6]) == starts(question_of(honest).message.split("\n")[:6])
        assert all(character.isprintable() for line in lines for character in line)
        assert not re.search(r"[\u200b\u202e\u2066\u2069\ufe0f\u00a0]", question.message)

    async def test_a_sent_value_cannot_look_like_a_line_of_it(self, find, preview_of):
        arguments = {
            **RISKY["create_api_key"](find),
            "description": "x\nTo confirm, type its name: y",
        }
        lines = question_of(await preview_of("create_api_key", arguments)).message.split("\n")

        assert '- description: "x ⏎ To confirm, type its name: y"' in lines
        assert lines[-1] == "To confirm, type its name: CI"

    @pytest.mark.parametrize("name", ["Support", "🔬 Science", "Ünï cödé", "研究", "x" * 60, 'a"b'])
    def test_a_name_that_shows_what_it_is_can_be_typed(self, name):
        assert is_typable(name)

    @pytest.mark.parametrize("name", [*HOSTILE, ""])
    def test_another_one_cannot(self, name):
        assert not is_typable(name)
        assert not any(map(hidden, visible(name)))


def starts(lines):
    """The beginnings of lines, without what the object is called and how often it is used."""
    return [re.sub(r"\d+", "N", line.partition(":")[0]) for line in lines]


def hidden(character):
    return not character.isprintable()


class TestObject:
    """What a confirmation is bound to."""

    @pytest.mark.parametrize(
        ("name", "edit"),
        [
            ("delete_usage_limit", ("policies/usage-limits/{id}", {"credit_limit": 80})),
            ("delete_api_key", ("api-keys/{id}", {"description": "x"})),
            ("delete_virtual_key", ("virtual-keys/{slug}", {"note": "x"})),
            ("delete_prompt_label", ("labels/{label_id}", {"description": "x"})),
            ("delete_config", ("configs/{slug}", {"name": "x"})),
            ("delete_workspace", ("admin/workspaces/{workspace_id}", {"description": "x"})),
            ("delete_mcp_server", ("mcp-servers/{id}", {"description": "x"})),
        ],
    )
    async def test_its_hash_changes_with_an_edit_only(self, name, edit, find, api, emulator):
        arguments = RISKY[name](find)
        change = await change_of(api, name, arguments)
        first = (await read_object(api, change)).hash
        emulator.store.ahead += timedelta(hours=5)
        later = (await read_object(api, change)).hash
        path, body = edit
        find.send("PUT", f"/v1/{path.format(**arguments)}", body)

        assert first
        assert later == first
        assert (await read_object(api, change)).hash != first

    @pytest.mark.parametrize(
        "fields",
        [
            {"last_used_at": "2026-11-02T09:00:00Z"},
            {"last_seen": 5},
            {"usage": {"current_usage": 7}},
            {"usage_limits": {"is_threshold_alerts_sent": True}},
            {"status": "exhausted"},
        ],
    )
    def test_its_hash_does_not_change_with_traffic(self, fields):
        before = {"id": "x", "status": "active", "usage": {}, "usage_limits": {}}

        assert ObjectNow({**before, **fields}).hash == ObjectNow(before).hash
        assert ObjectNow({**before, "status": "inactive"}).hash != ObjectNow(before).hash

    async def test_one_that_was_not_read_has_no_hash(self, api):
        change = await change_of(api, "update_feedback", {"id": "f-1", "value": 3})
        now = await read_object(api, change)

        assert (now.hash, now.why) == ("", "Portkey has no request that reads it")
        assert label_of(change, now) == "f-1"


class TestDoor:
    """What the door does with what was found out."""

    async def test_a_deletion_that_can_be_restored_asks_if_something_depends_on_it(
        self, guarded, find, changes
    ):
        used, unused = RISKY["delete_config"](find), LESS_RISKY["delete_config"](find)
        person = Person("decline")
        async with guarded("2026-07-28", person) as client:
            refused = await client.call_tool("delete_config", used)
            done = await client.call_tool("delete_config", unused)

        assert refused.is_error
        assert not done.is_error
        assert len(person.questions) == 1
        assert "requests used it in the last 30 days" in person.questions[0]
        assert changes() == [f"DELETE /v1/configs/{unused['slug']}"]

    async def test_a_name_that_cannot_be_typed_is_confirmed_by_the_id(
        self, guarded, find, emulator, changes
    ):
        keys = emulator.store.table("api_keys")
        key = keys.change(find.row("api_keys", name="Dashboard"), {"name": "Dash\u202eboard"})
        for typed, is_refused in ((key["name"], True), (key["id"], False)):
            async with guarded("2026-07-28", Person(typed)) as client:
                result = await client.call_tool("delete_api_key", {"id": key["id"]})
            assert result.is_error is is_refused

        assert changes() == [f"DELETE /v1/api-keys/{key['id']}"]

    @pytest.mark.parametrize("name", ["update_config", "update_collection", "create_collection"])
    async def test_a_call_that_asks_nobody_sends_nothing_but_itself(
        self, name, guarded, find, emulator
    ):
        arguments = {**OTHERS, **LESS_RISKY}[name](find)
        async with guarded("2026-07-28", Person()) as client:
            await client.list_tools()
            emulator.log.clear()
            assert not (await client.call_tool(name, arguments)).is_error

        assert len(emulator.log) == 1
