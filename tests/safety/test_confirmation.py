"""Nothing irreversible happens without a person."""

import asyncio
from types import SimpleNamespace

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ClientCapabilities,
    ElicitResult,
    InputRequiredResult,
)

from mcp_texts import texts
from people import GENERATIONS, Person
from portkey_admin_mcp.errors import NotFound, NotPermitted
from portkey_admin_mcp.models.users import UserPatch
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permit, permitted_only
from portkey_admin_mcp.safety.store import Freeze
from portkey_admin_mcp.server.mcp.asking import AskByResult, AskBySession, asker_of
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.tools.users import update_user

in_each_generation = pytest.mark.parametrize("generation", GENERATIONS)


async def invite_of(client):
    """A user that may be deleted: id and email."""
    users = (await client.call_tool("list_all_users", {"role": "member"})).structured_content
    return users["data"][0]["id"], users["data"][0]["email"]


@in_each_generation
async def test_a_person_who_types_the_name_lets_a_deletion_pass(guarded, changes, generation):
    person = Person()
    async with guarded(generation, person) as client:
        id, email = await invite_of(client)
        result = await client.call_tool("delete_user", {"user_id": id})

    assert not result.is_error
    assert changes() == [f"DELETE /v1/admin/users/{id}"]
    (question,) = person.questions
    assert "Delete user" in question
    assert email in question
    assert "what is deleted cannot be restored" in question


@in_each_generation
@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("decline", "the user declined"),
        ("cancel", "the user closed the question"),
        ("someone else", "the name that was typed is not"),
        ("", "the name that was typed is not"),
        (5, "the name that was typed is not"),
    ],
)
async def test_any_other_answer_stops_it(guarded, changes, generation, does, message):
    async with guarded(generation, Person(does)) as client:
        id, _ = await invite_of(client)
        result = await client.call_tool("delete_user", {"user_id": id})

    assert result.is_error
    assert message in texts(result)[0]
    assert changes() == []


@in_each_generation
async def test_a_client_that_answers_by_itself_at_once_is_no_person(guarded, changes, generation):
    async with guarded(generation, Person(), min_reply_s=1.0) as client:
        id, _ = await invite_of(client)
        result = await client.call_tool("delete_user", {"user_id": id})

    assert "faster than a person reads" in texts(result)[0]
    assert changes() == []


@in_each_generation
async def test_the_confirmation_is_void_if_the_object_changed(guarded, api, changes, generation):
    async with guarded(generation) as other:
        id, _ = await invite_of(other)

        async def change_it():
            await update_user(api, id, UserPatch(role="admin"))
            return "accept"

        async with guarded(generation, Person(change_it)) as client:
            result = await client.call_tool("delete_user", {"user_id": id})

    assert "has changed since the question was asked" in texts(result)[0]
    assert changes() == [f"PUT /v1/admin/users/{id}"]


@in_each_generation
async def test_where_nobody_can_be_asked_an_approval_lets_the_same_call_pass_once(
    guarded, changes, generation, store
):
    async with guarded(generation) as client:
        id, email = await invite_of(client)
        first = await client.call_tool("delete_user", {"user_id": id})
        again = await client.call_tool("delete_user", {"user_id": id})
        (approval,) = await store.list_open()

        assert first.is_error
        assert texts(first) == texts(again)
        assert approval.id in texts(first)[0]
        assert (approval.tool, approval.label) == ("delete_user", email)
        assert changes() == []

        await store.settle(approval.id, "approved", "mo@acme.example", "")
        done = await client.call_tool("delete_user", {"user_id": id})

    assert not done.is_error
    assert changes() == [f"DELETE /v1/admin/users/{id}"]
    assert await store.take(approval.call, approval.binding) is None


@in_each_generation
async def test_an_approval_is_for_the_same_arguments_only(guarded, changes, generation, store):
    async with guarded(generation) as client:
        rows = (await client.call_tool("list_all_users", {"role": "member"})).structured_content
        first, second = [row["id"] for row in rows["data"][:2]]
        await client.call_tool("delete_user", {"user_id": first})
        (approval,) = await store.list_open()
        await store.settle(approval.id, "approved", "mo", "")
        result = await client.call_tool("delete_user", {"user_id": second})

    assert result.is_error
    assert changes() == []


@in_each_generation
async def test_an_approval_is_void_if_the_object_changed(guarded, api, changes, generation, store):
    async with guarded(generation) as client:
        id, _ = await invite_of(client)
        await client.call_tool("delete_user", {"user_id": id})
        (approval,) = await store.list_open()
        await store.settle(approval.id, "approved", "mo", "")
        await update_user(api, id, UserPatch(role="admin"))
        result = await client.call_tool("delete_user", {"user_id": id})

    assert result.is_error
    assert f"DELETE /v1/admin/users/{id}" not in changes()


@in_each_generation
@pytest.mark.parametrize(
    ("why", "message"), [("still on the team", ": still on the team"), ("", "")]
)
async def test_a_denied_call_says_who_denied_it_and_why(
    guarded, changes, generation, store, why, message
):
    async with guarded(generation) as client:
        id, _ = await invite_of(client)
        await client.call_tool("delete_user", {"user_id": id})
        (approval,) = await store.list_open()
        await store.settle(approval.id, "denied", "mo", why)
        result = await client.call_tool("delete_user", {"user_id": id})

    assert texts(result)[0].splitlines()[0] == f"mo denied this{message}"
    assert changes() == []


@in_each_generation
async def test_a_frozen_server_changes_nothing_and_says_who_froze_it(
    guarded, changes, generation, store
):
    await store.set_freeze(Freeze("mo", "an incident", 1_800_000_000))
    async with guarded(generation, Person()) as client:
        result = await client.call_tool("create_workspace", {"name": "New"})
        assert "frozen since 2027-01-15 08:00 UTC by mo: an incident" in texts(result)[0]
        assert changes() == []

        await store.set_freeze(None)
        assert not (await client.call_tool("create_workspace", {"name": "New"})).is_error


@in_each_generation
async def test_the_setting_says_how_much_is_asked(guarded, changes, generation):
    for confirm, asked in (("auto", 0), ("always", 1), ("never", 0)):
        person = Person()
        async with guarded(generation, person, PORTKEY_CONFIRM=confirm) as client:
            result = await client.call_tool("create_workspace", {"name": f"New {confirm}"})
        assert not result.is_error
        assert len(person.questions) == asked

    person = Person()
    async with guarded(generation, person, PORTKEY_CONFIRM="never") as client:
        id, _ = await invite_of(client)
        assert not (await client.call_tool("delete_user", {"user_id": id})).is_error
    assert person.questions == []


@in_each_generation
async def test_a_dry_run_of_a_tools_own_asks_nobody(guarded, changes, generation):
    person = Person()
    dry_run = {"prompt_id": "pp-summarise-be26b6", "name": "New", "dry_run": True}
    async with guarded(generation, person, PORTKEY_CONFIRM="always") as client:
        result = await client.call_tool("update_prompt", dry_run)
        call = {"tool": "update_prompt", "arguments": dry_run}
        preview = (await client.call_tool("preview_change", call)).structured_content

    assert not result.is_error, texts(result)
    assert result.structured_content["dry_run"]
    assert preview["changes_nothing"]
    assert preview["answer"] == result.structured_content
    assert (person.questions, changes()) == ([], [])


@pytest.mark.parametrize("confirm", ["auto", "always", "never"])
def test_a_server_that_asks_nobody_says_so_in_its_log(store, caplog, confirm):
    Door(SafetySettings(PORTKEY_CONFIRM=confirm), lambda: store)

    assert ("no person is asked" in caplog.text) is (confirm == "never")


async def test_without_a_permit_nothing_is_sent_and_a_permit_ends_with_its_call(connect, changes):
    api = connect("owner").with_gate(permitted_only)

    async def sends(_api, _change, send):
        return await send()

    for _ in range(2):
        with pytest.raises(NotPermitted, match="did not pass this server's checks"):
            await update_user(api, "unknown", UserPatch(role="admin"))
        with permit(sends), pytest.raises(NotFound):
            await update_user(api, "unknown", UserPatch(role="admin"))
    assert changes() == ["PUT /v1/admin/users/unknown"] * 2


@in_each_generation
async def test_a_preview_and_a_dry_run_send_nothing(guarded, changes, generation):
    async with guarded(generation, Person()) as client:
        id, email = await invite_of(client)
        arguments = {"user_id": id, "role": "admin"}
        call = {"tool": "update_user", "arguments": arguments}
        preview = (await client.call_tool("preview_change", call)).structured_content
    async with guarded(generation, Person(), PORTKEY_DRY_RUN=True) as client:
        dry_run = (await client.call_tool("update_user", arguments)).structured_content

    assert changes() == []
    assert preview == dry_run
    assert preview["changes"] == {"role": {"from": "member", "to": "admin"}}
    assert preview["object"] == {"name": email, "verified": True}
    assert preview["requests"] == [{"request": f"PUT /admin/users/{id}", "body": {"role": "admin"}}]


@pytest.mark.parametrize(
    ("capabilities", "version", "can_send", "asker"),
    [
        (None, "2026-07-28", True, None),
        ({"sampling": {}}, "2026-07-28", True, None),
        ({"elicitation": {}}, "2026-07-28", False, AskByResult),
        ({"elicitation": {"form": {}, "url": {}}}, "2026-07-28", False, AskByResult),
        ({"elicitation": {"url": {}}}, "2026-07-28", True, None),
        ({"elicitation": {}}, "2025-11-25", True, AskBySession),
        ({"elicitation": {}}, "2025-11-25", False, None),
    ],
)
def test_only_a_client_that_can_show_a_form_is_asked(capabilities, version, can_send, asker):
    announced = ClientCapabilities.model_validate(capabilities) if capabilities else None
    session = SimpleNamespace(client_capabilities=announced, can_send_request=can_send)
    context = SimpleNamespace(session=session, protocol_version=version)

    chosen = asker_of(context, CallToolRequestParams(name="delete_user"))
    assert type(chosen) is (asker or type(None))


class TestStateOfAQuestion:
    """Since 2026-07-28 the client repeats the call with the sealed state of the question."""

    async def test_it_is_used_once(self, guarded, changes):
        async with guarded("2026-07-28", Person()) as client:
            id, _ = await invite_of(client)
            reply = await ask(client, "delete_user", {"user_id": id})
            first = await client.session.call_tool("delete_user", {"user_id": id}, **reply)
            sent = list(changes())
            again = await client.session.call_tool("delete_user", {"user_id": id}, **reply)

            assert not first.is_error
            assert again.is_error
            assert changes() == sent

    async def test_it_is_used_once_even_if_the_object_is_there_again(self, guarded, changes):
        async with guarded("2026-07-28", Person()) as client:
            arguments = {
                "name": "CI",
                "type": "organisation",
                "sub_type": "service",
                "scopes": ["logs.list"],
            }
            reply = await ask(client, "create_api_key", arguments)
            first = await client.session.call_tool("create_api_key", arguments, **reply)
            again = await client.session.call_tool("create_api_key", arguments, **reply)

            assert not first.is_error
            assert "was used already" in texts(again)[0]
            assert len(changes()) == 1

    @pytest.mark.parametrize("change", ["altered", "other arguments", "other tool", "made up"])
    async def test_it_is_for_this_call_only(self, guarded, changes, change):
        async with guarded("2026-07-28", Person()) as client:
            rows = (await client.call_tool("list_all_users", {"role": "member"})).structured_content
            id, other = [row["id"] for row in rows["data"][:2]]
            reply = await ask(client, "delete_user", {"user_id": id})
            state = reply["request_state"]
            tool, arguments = "delete_user", {"user_id": id}
            if change == "altered":
                reply["request_state"] = state[:-2] + ("AA" if state[-2:] != "AA" else "BB")
            elif change == "made up":
                reply["request_state"] = "v1.AAAA"
            elif change == "other arguments":
                arguments = {"user_id": other}
            else:
                tool = "remove_workspace_member"
                arguments = {"user_id": id, "workspace_id": "x"}

            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await client.session.call_tool(tool, arguments, **reply)
            assert changes() == []

    async def test_it_is_for_this_caller_only(self, guarded, changes):
        token = current_caller.set(Caller("bearer:one"))
        async with guarded("2026-07-28", Person()) as client:
            id, _ = await invite_of(client)
            reply = await ask(client, "delete_user", {"user_id": id})
            current_caller.reset(token)
            current_caller.set(Caller("bearer:two"))
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await client.session.call_tool("delete_user", {"user_id": id}, **reply)
        assert changes() == []

    async def test_it_expires(self, guarded, changes, monkeypatch):
        monkeypatch.setattr("portkey_admin_mcp.server.mcp.asking.REPLY_S", 0.05)
        async with guarded("2026-07-28", Person()) as client:
            id, _ = await invite_of(client)
            reply = await ask(client, "delete_user", {"user_id": id})
            await asyncio.sleep(0.06)
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await client.session.call_tool("delete_user", {"user_id": id}, **reply)
        assert changes() == []

    async def test_an_answer_without_state_counts_for_nothing(self, guarded, changes):
        async with guarded("2026-07-28", Person()) as client:
            id, _ = await invite_of(client)
            reply = await ask(client, "delete_user", {"user_id": id})
            del reply["request_state"]
            result = await client.session.call_tool(
                "delete_user", {"user_id": id}, allow_input_required=True, **reply
            )

            assert isinstance(result, InputRequiredResult)
            assert changes() == []


async def ask(client, tool, arguments):
    """The reply of a person who agrees, with the state of the question."""
    result = await client.session.call_tool(tool, arguments, allow_input_required=True)
    assert isinstance(result, InputRequiredResult)
    (question,) = result.input_requests.values()
    name = question.params.message.rpartition("type its name: ")[2]
    reply = {"confirm": ElicitResult(action="accept", content={"name": name})}
    return {"input_responses": reply, "request_state": result.request_state}
