"""Changing security settings of a workspace: those that are named; the others stay."""

import json
import re

import pytest

from each import for_each
from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.emulator.shared.security import SECURITY_SETTINGS
from portkey_admin_mcp.errors import Forbidden
from portkey_admin_mcp.models import workspace_security
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.models.workspace_security import SecurityChange
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.tools.workspaces import get_workspace
from portkey_admin_mcp.workflows.update_workspace_security_settings import (
    update_workspace_security_settings,
)

TOOL = "update_workspace_security_settings"


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def settings(ask, support):
    """The security settings of Support, as `get_workspace` shows them."""

    async def read():
        return (await ask("get_workspace", workspace_id=support))["security_settings"]

    return read


def test_the_tool_knows_the_settings_that_the_emulator_knows():
    assert {*workspace_security.SECURITY_SETTINGS} == {*SECURITY_SETTINGS}
    assert len(workspace_security.SECURITY_SETTINGS) == 35


@for_each(SECURITY_SETTINGS)
def test_the_description_names_each_part_of_a_setting(setting):
    parts = re.fullmatch("(managers|members|organisationAdmins)(View|Write|Update)(.+)", setting)

    assert [part for part in parts.groups() if part not in workspace_security.NAMES] == []


async def test_only_the_named_settings_change(ask, settings, support):
    before = await settings()

    answer = await ask(TOOL, workspace_id=support, allow=["membersWriteConfigs"],
                       deny=["managersViewLogs", "membersViewLogs"])  # fmt: skip

    named = {"membersWriteConfigs": True, "managersViewLogs": False, "membersViewLogs": False}
    assert (answer["success"], answer["changed"]) == (True, named)
    assert await settings() == before | named


async def test_an_answer_says_what_has_another_value_than_before(ask, support):
    once = {"allow": ["membersWriteConfigs", "managersViewLogs"]}
    first = await ask(TOOL, workspace_id=support, **once)
    again = await ask(TOOL, workspace_id=support, **once)

    assert first["changed"] == {"membersWriteConfigs": True}
    assert again["changed"] == {}


async def test_a_list_of_workspaces_shows_the_settings_on_request(ask, settings):
    listed = await ask("list_workspaces", fields=["name", "security_settings"])

    shown = {row["name"]: row["security_settings"] for row in listed["data"]}
    assert shown["Support"] == await settings()


@pytest.mark.parametrize(
    "name", ["membersWriteConfigs", "members_write_configs", "MEMBERSWRITECONFIGS"]
)
async def test_a_setting_is_named_in_any_spelling(ask, support, name):
    answer = await ask(TOOL, workspace_id=support, allow=name)

    assert answer["changed"] == {"membersWriteConfigs": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"allow": ["membersWriteConfig"]}, "did you mean membersWriteConfigs"),
        ({"deny": ["managersViewLogs", "managersSeeLogs"]}, "deny.1: there is no such setting"),
        ({"deny": ["colour"]}, "`get_workspace` shows all 35"),
        ({}, "give something to change: allow, deny"),
        ({"allow": []}, "give at least one setting"),
        (
            {"allow": ["managersViewLogs"], "deny": ["managers_view_logs"]},
            "managersViewLogs: give in allow or in deny, not in both",
        ),
    ],
)
async def test_arguments_that_do_not_fit_change_nothing(
    refusal, emulator, settings, support, arguments, message
):
    before = await settings()

    assert message in await refusal(TOOL, workspace_id=support, **arguments)
    assert await settings() == before


async def test_a_workspace_that_hides_its_settings_is_not_overwritten(
    refusal, emulator, settings, support
):
    """Portkey replaces all settings: a value that is not shown would be lost."""
    row = emulator.store.table("workspaces")[support]
    some = {"managersViewLogs": True}
    emulator.store.table("workspaces").change(row, {"security_settings": some})

    advice = await refusal(TOOL, workspace_id=support, allow=["membersWriteConfigs"])

    assert "does not show the current value of managersViewAllData" in advice
    assert await settings() == some


async def test_all_settings_can_be_given_when_none_is_shown(ask, emulator, settings, support):
    row = emulator.store.table("workspaces")[support]
    emulator.store.table("workspaces").change(row, {"security_settings": None})

    await ask(TOOL, workspace_id=support, allow=[*SECURITY_SETTINGS])

    assert await settings() == dict.fromkeys(SECURITY_SETTINGS, True)


async def test_a_key_without_the_scope_to_write_changes_nothing(api, connect, support):
    scopes = ["workspaces.read"]
    draft = ApiKeyDraft(type="organisation", sub_type="service", name="Reader", scopes=scopes)
    reader = connect((await create_api_key(api, draft)).key)

    with pytest.raises(Forbidden):
        await update_workspace_security_settings(
            reader, support, SecurityChange(allow=["membersWriteConfigs"])
        )
    shown = (await get_workspace(api, support)).security_settings
    assert shown["membersWriteConfigs"] is False


async def test_a_setting_that_the_tool_does_not_know_is_sent_back_unchanged():
    """A newer Portkey may have more settings, and replaces all of them too."""
    shown = {**dict.fromkeys(SECURITY_SETTINGS, True), "managersWriteNovelties": False}
    with FakePortkey() as fake:
        fake.script([Answer(body={"security_settings": shown}), Answer()])
        await update_workspace_security_settings(
            Portkey(Settings(PORTKEY_API_KEY="k", **fake.settings)),
            "ws-any",
            SecurityChange(deny=["managersViewLogs"]),
        )

    read, written = fake.requests
    assert (read.method, written.method) == ("GET", "PUT")
    sent = json.loads(written.body)
    assert sent == {"security_settings": {**shown, "managersViewLogs": False}}
