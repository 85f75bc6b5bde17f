"""Audit logs, as a model sees them."""

from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.errors import Forbidden, NotFound
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.models.audit_logs import AuditQuery
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.workflows.list_audit_logs import list_audit_logs

WEEK = {"start_time": "2026-11-01T00:00:00Z", "end_time": "2026-11-03T00:00:00Z"}


@pytest.fixture
async def changed(ask, workspace):
    support = workspace("Support")
    await ask("create_collection", name="A", workspace_id=support)
    await ask("create_prompt_label", name="fresh", workspace_id=support)


async def test_changes_are_listed_without_knowing_the_organisation(ask, changed):
    answer = await ask("list_audit_logs", **WEEK)

    assert [row["resource_type"] for row in answer["records"]] == ["label", "collection"]
    assert (answer["total"], answer["has_more"]) == (2, False)


async def test_changes_are_filtered_and_paged(ask, changed):
    page = await ask("list_audit_logs", **WEEK, page_size=1)
    labels = await ask("list_audit_logs", **WEEK, resource_type="label", action="create")
    nobody = await ask("list_audit_logs", **WEEK, actor_id="nobody")

    assert (page["has_more"], page["next_page"]) == (True, 1)
    assert labels["total"] == 1
    assert nobody["total"] == 0


async def test_without_a_period_it_is_the_last_week(emulator, changed):
    answer, targets = InProcess(emulator), []

    async def transport(method, target, headers, body):
        targets.append(target)
        return await answer(method, target, headers, body)

    key = SecretStr(emulator.keys()["owner"])
    api = Portkey(Settings(PORTKEY_API_KEY=key), transport, frozen_time)
    page = await list_audit_logs(api, AuditQuery())

    sent = dict(parse_qsl(targets[-1].partition("?")[2]))
    assert page.total == 3  # with the deletion of a key by the seed, two days ago
    assert sent["start_time"] == "2026-10-26T09:00:00Z"
    assert sent["end_time"] == "2026-11-02T09:00:00Z"


async def test_a_key_that_may_not_read_keys_must_name_the_organisation(emulator, connect, changed):
    draft = ApiKeyDraft(
        type="organisation", sub_type="service", name="A", scopes=["audit_logs.list"]
    )
    created = await create_api_key(connect("owner"), draft)
    api = connect(created.key)

    with pytest.raises(Forbidden) as refused:
        await list_audit_logs(api, AuditQuery(**WEEK))
    assert "Give organisation_id instead." in refused.value.__notes__[0]
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    page = await list_audit_logs(api, AuditQuery(**WEEK, organisation_id=organisation))
    assert page.total == 3


async def test_a_key_that_finds_no_key_must_name_the_organisation(connect, workspace):
    draft = ApiKeyDraft(
        type="workspace",
        sub_type="service",
        name="A",
        scopes=["workspace_user_api_keys.list", "audit_logs.list"],
        workspace_id=workspace("Science"),
    )
    created = await create_api_key(connect("owner"), draft)

    with pytest.raises(NotFound, match="no API key names its organisation") as refused:
        await list_audit_logs(connect(created.key), AuditQuery(**WEEK))
    assert "Give organisation_id instead." in refused.value.__notes__[0]


async def test_what_portkey_cannot_filter_by_is_said(call, changed):
    result = await call("list_audit_logs", WEEK | {"resource_id": "x"})

    assert "Not sent" in result.structured_content["notes"][0]


async def test_a_period_that_ends_before_it_begins_is_refused_by_both_names(refusal):
    advice = await refusal("list_audit_logs", start_time="2026-11-02", end_time="2026-11-01")

    assert "end_time (2026-11-01T00:00:00Z) is earlier than start_time" in advice


async def test_a_period_without_any_time_in_it_is_refused(refusal):
    equal = await refusal("list_audit_logs", start_time="2026-11-01", end_time="2026-11-01")
    now = await refusal("list_audit_logs", start_time="2026-11-02T09:00:00Z")

    assert "end_time (2026-11-01T00:00:00Z) is the same time as start_time" in equal
    assert "start_time (2026-11-02T09:00:00Z) is now; give an end_time" in now


async def test_a_period_without_a_beginning_is_the_week_before_its_end(call, emulator):
    sent = []
    answer = emulator.answer
    emulator.answer = lambda method, target, *rest: (
        sent.append(target) or answer(method, target, *rest)
    )

    result = await call("list_audit_logs", {"end_time": "2026-10-15T00:00:00Z"})

    assert not result.is_error
    assert "start_time=2026-10-08T00%3A00%3A00Z" in sent[-1]


async def test_a_period_that_begins_in_the_future_is_refused(refusal):
    advice = await refusal("list_audit_logs", start_time="2027-01-01")

    assert "start_time (2027-01-01T00:00:00Z) is in the future" in advice
