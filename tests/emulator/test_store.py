"""What the emulator remembers: ids and times in Portkey's form, and a file that outlives it."""

import json
import os
import random
import re
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import httpx2
import pytest

from portkey_admin_mcp.emulator.app import Emulator
from portkey_admin_mcp.emulator.store import Store, frozen_time, instant, moment

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PATIENCE_S = 20


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.sqlite"


@pytest.fixture
def live(file):
    """Start an emulator on the file, as often as wanted; returns a way to ask it."""

    def started():
        emulator = Emulator("acme", frozen_time, file)
        headers = {"x-portkey-api-key": emulator.keys()["owner"]}

        def ask(endpoint, body=None):
            method, target = endpoint.split()
            content = b"" if body is None else json.dumps(body).encode()
            status, _headers, answer = emulator.answer(method, f"/v1{target}", headers, content)
            return status, json.loads(answer)

        return emulator, ask

    return started


def rows(emulator):
    """All rows of all tables in their order, without tables that hold none."""
    tables = emulator.store.dump()["tables"]
    return {name: list(table.items()) for name, table in tables.items() if table}


def test_ids_are_v4_and_never_come_twice():
    store = Store(frozen_time)

    ids = [store.uuid() for _ in range(500)]

    assert len(set(ids)) == 500
    assert all(re.fullmatch(UUID4, name) for name in ids)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Support", "ws-suppor-"),
        ("Hello – World!", "ws-hello-"),
        ("  A  B  ", "ws-a-b-"),
        ("R&D", "ws-r-d-"),
        ("🔬", "ws-x-"),
        ("", "ws-x-"),
    ],
)
def test_a_slug_is_the_first_letters_of_the_name_and_six_digits(name, slug):
    assert re.fullmatch(f"{slug}[0-9a-f]{{6}}", Store(frozen_time).slug("ws", name, 6))


def test_a_moment_is_written_in_utc_with_whole_seconds():
    berlin = timezone(timedelta(hours=2))

    written = moment(datetime(2026, 5, 3, 19, 8, 55, 999_999, tzinfo=berlin))

    assert written == "2026-05-03T17:08:55.000Z"
    assert instant(written) == datetime(2026, 5, 3, 17, 8, 55, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "", "2026-13-01", "9999-12-31T23:59:59-05:00"])
def test_what_is_no_moment_is_not_read(text):
    with pytest.raises(ValueError, match=r"isoformat|month|calendar"):
        instant(text)


def test_a_restart_keeps_every_row_in_its_order(live):
    emulator, ask = live()
    ask("POST /admin/workspaces", {"name": "🚀 Rockets"})
    ask("POST /admin/users/invites", {"email": "new@acme.example", "role": "member"})
    before = rows(emulator)

    restarted, ask_again = live()

    assert rows(restarted) == before
    assert restarted.keys() == emulator.keys()
    for list_ in ("/admin/workspaces", "/admin/users", "/admin/users/invites", "/api-keys"):
        assert ask_again(f"GET {list_}") == ask(f"GET {list_}")


def test_what_was_deleted_stays_deleted_after_a_restart(live, workspace):
    emulator, ask = live()
    science = f"/admin/workspaces/{workspace('Science')}"
    assert ask(f"DELETE {science}", {"name": "Science"})[0] == 200
    before = rows(emulator)

    restarted, ask_again = live()

    assert rows(restarted) == before
    assert ask_again(f"GET {science}")[0] == 403
    archived = ask_again("GET /admin/workspaces?status=archived")[1]
    assert [home["name"] for home in archived["data"]] == ["🔬 Science"]


def test_a_restart_does_not_repeat_an_id(live):
    _emulator, ask = live()
    first = ask("POST /admin/workspaces", {"name": "First"})[1]

    _restarted, ask_again = live()
    second = ask_again("POST /admin/workspaces", {"name": "First"})[1]

    never_stopped = Emulator("acme", frozen_time)
    headers = {"x-portkey-api-key": never_stopped.keys()["owner"]}
    expected = [
        json.loads(
            never_stopped.answer("POST", "/v1/admin/workspaces", headers, b'{"name": "First"}')[2]
        )
        for _ in range(2)
    ]
    assert [first, second] == expected


def test_a_refused_write_leaves_the_file_as_it_was(live):
    emulator, ask = live()
    before = rows(emulator)

    assert ask("POST /admin/workspaces", {"name": ""})[0] == 400

    assert rows(live()[0]) == before


def test_a_reset_empties_the_file_too(live):
    emulator, ask = live()
    fresh = rows(emulator)
    ask("POST /admin/workspaces", {"name": "New"})
    assert rows(live()[0]) != fresh

    emulator.answer("POST", "/emulator/reset", {}, b"")

    assert rows(live()[0]) == fresh


def test_the_seed_matters_only_to_a_new_file(file):
    acme = Emulator("acme", frozen_time, file)

    assert rows(Emulator("empty", frozen_time, file)) == rows(acme)


def test_any_sequence_of_changes_reads_back_in_order(file):
    chance = random.Random(4)
    store = Store(frozen_time, file)
    for step in range(150):
        table = store.tables[chance.choice("abc")]
        match chance.choice(["add", "add", "change", "delete", "again"]):
            case "add":
                table[store.uuid()] = {"step": step, "text": "ü\n'\"\0"}
            case "change" if table:
                table[chance.choice([*table])]["step"] = step
            case "delete" if table:
                del table[chance.choice([*table])]
            case "again" if table:
                row_id = chance.choice([*table])
                table[row_id] = table.pop(row_id)
        store.save()
        read = Store(frozen_time, file)
        assert read.counter == store.counter
        for kind, rows_ in store.tables.items():
            assert list(read.tables[kind].items()) == list(rows_.items())


def test_a_file_of_another_kind_is_not_overwritten(file):
    file.write_text("something dear to its owner, and long enough to be no database at all")

    with pytest.raises(sqlite3.DatabaseError):
        Emulator("acme", frozen_time, file)

    assert file.read_text().startswith("something dear")


@contextmanager
def process(file):
    """An emulator in a process of its own, killed at the end without a chance to tidy up."""
    command = [sys.executable, "-m", "portkey_admin_mcp", "emulator", "--port", "0"]
    running = subprocess.Popen(
        [*command, "--state", str(file)],
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(file.parent)},
    )
    try:
        said, deadline = b"", time.monotonic() + PATIENCE_S
        while not (found := re.search(rb"running on (http://127[\d.]+:\d+)", said)):
            left = max(0, deadline - time.monotonic())
            assert select.select([running.stderr], [], [], left)[0], said
            data = os.read(running.stderr.fileno(), 65536)
            assert data, said
            said += data
        url = found[1].decode()
        key = httpx2.get(f"{url}/emulator/keys", trust_env=False).json()["owner"]
        headers = {"x-portkey-api-key": key}
        with httpx2.Client(base_url=f"{url}/v1", headers=headers, trust_env=False) as client:
            yield client
    finally:
        running.kill()
        running.wait()
        running.stderr.close()


def test_a_killed_process_has_kept_what_it_answered(file):
    with process(file) as client:
        made = client.post("/admin/workspaces", json={"name": "Rockets"}).json()
        (invite,) = client.get("/admin/users/invites").json()["data"]
        client.delete(f"/admin/users/invites/{invite['id']}").raise_for_status()

    with process(file) as client:
        assert client.get(f"/admin/workspaces/{made['id']}").json()["name"] == "Rockets"
        (kept,) = client.get("/admin/users/invites").json()["data"]
        assert kept == {**invite, "status": "cancelled"}
