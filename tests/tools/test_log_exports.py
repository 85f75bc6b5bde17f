"""Log exports, as a model sees them."""

import pytest

from portkey_admin_mcp.emulator.traffic.requests import writable_database

DAY = {"time_min": "2026-10-28T00:00:00Z", "time_max": "2026-10-29T00:00:00Z"}
FIELDS = ["id", "cost", "ai_model"]


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
async def export(ask, support):
    return await ask(
        "create_log_export",
        workspace_id=support,
        **DAY,
        requested_fields=FIELDS,
        cost_min=1,
        ai_model=["gpt-5", "gpt-5-mini"],
    )


@pytest.fixture
def finished(ask, emulator, export):
    async def now():
        await ask("start_log_export", export_id=export["id"])
        emulator.answer("POST", "/emulator/clock", {}, b'{"advance_s": 6}')
        return export

    return now


async def test_an_export_is_drafted_changed_run_and_downloaded(ask, export, finished, support):
    name = {"export_id": export["id"]}
    read = await ask("get_log_export", **name)
    assert read["status"] == "draft"
    assert read["filters"] == {
        "time_of_generation_min": DAY["time_min"],
        "time_of_generation_max": DAY["time_max"],
        "cost_min": 1,
        "ai_model": "gpt-5,gpt-5-mini",
    }
    assert read["requested_data"] == FIELDS
    changed = await ask(
        "update_log_export",
        **name,
        time_of_generation_max="2026-10-28T12:00:00Z",
        metadata={"environment": "staging"},
        requested_fields=["id", "cost"],
    )
    assert changed["total"] > 0
    await finished()
    listed = await ask("list_log_exports", workspace_id=support)
    assert [row["status"] for row in listed["data"]] == ["success"]

    link = await ask("download_log_export", **name)
    assert "signature=" in link["signed_url"]
    assert "rows" not in link
    file = await ask("download_log_export", **name, first_rows=3)
    assert [set(row) for row in file["rows"]] == [{"id", "cost"}] * 3


async def test_a_change_keeps_what_it_does_not_name(ask, export):
    name = {"export_id": export["id"]}
    before = await ask("get_log_export", **name)

    await ask("update_log_export", **name, requested_fields=["id"])
    assert await ask("get_log_export", **name) == before | {"requested_data": ["id"]}

    later = "2026-10-28T12:00:00Z"
    changed = await ask("update_log_export", **name, time_of_generation_max=later, cost_min=2)
    read = await ask("get_log_export", **name)
    assert read["filters"] == before["filters"] | {"time_of_generation_max": later, "cost_min": 2}
    assert 0 < changed["total"] < export["total"]


async def test_a_change_of_nothing_is_not_sent(refusal, emulator):
    emulator.log.clear()

    assert "give something to change" in await refusal("update_log_export", export_id="x")
    assert not emulator.log


async def test_an_export_is_stopped(ask, export):
    await ask("start_log_export", export_id=export["id"])
    await ask("cancel_log_export", export_id=export["id"])

    assert (await ask("get_log_export", export_id=export["id"]))["status"] == "stopped"


async def test_a_file_that_cannot_be_read_still_has_a_link(ask, refusal, finished, emulator):
    export = await finished()
    writable_database(emulator.store).execute("drop table requests")

    advice = await refusal("download_log_export", export_id=export["id"], first_rows=3)

    assert "The export is ready; its link is https://" in advice


async def test_forbidden_columns_are_named(ask, emulator, support):
    emulator.answer("POST", "/emulator/denied-fields", {}, b'{"fields": ["request"]}')

    answer = await ask("get_log_export_field_restrictions", workspace_id=support)

    assert answer["denied_fields"] == ["request"]


@pytest.mark.parametrize(
    "arguments", [{"requested_fields": []}, {"requested_fields": ["colour"]}, {"first": 1}]
)
async def test_an_export_that_makes_no_sense_is_not_sent(refusal, emulator, support, arguments):
    emulator.log.clear()

    await refusal(
        "create_log_export",
        **{"workspace_id": support, **DAY, "requested_fields": FIELDS} | arguments,
    )

    assert not emulator.log
