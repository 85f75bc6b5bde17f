"""The emulator's data: ids and times in Portkey's form, transactions, and the state file."""

import contextlib
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
from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.state_file import StateFileError
from portkey_admin_mcp.emulator.core.store import Store, frozen_time, instant, moment
from programs import tree_environment

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PATIENCE_S = 20


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.sqlite"


@pytest.fixture
def live(file):
    """Close the running emulator and start one on the file; returns it and a request function."""
    running = []

    def started():
        while running:
            running.pop().store.close()
        emulator = Emulator("acme", frozen_time, file)
        running.append(emulator)
        headers = {"x-portkey-api-key": emulator.keys()["owner"]}

        def ask(endpoint, body=None):
            method, target = endpoint.split()
            content = b"" if body is None else json.dumps(body).encode()
            status, _headers, answer = emulator.answer(method, f"/v1{target}", headers, content)
            return status, json.loads(answer)

        return emulator, ask

    return started


def rows(emulator):
    """All rows of all tables in their order, without empty tables."""
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
def test_a_text_that_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"isoformat|month|years"):
        instant(text)


def test_a_restart_keeps_every_row_in_its_order(live):
    emulator, ask = live()
    ask("POST /admin/workspaces", {"name": "🚀 Rockets"})
    ask("POST /admin/users/invites", {"email": "new@acme.example", "role": "member"})
    before = rows(emulator)

    lists = ("/admin/workspaces", "/admin/users", "/admin/users/invites", "/api-keys")
    answers = [ask(f"GET {list_}") for list_ in lists]

    restarted, ask_again = live()

    assert rows(restarted) == before
    assert restarted.keys() == emulator.keys()
    assert [ask_again(f"GET {list_}") for list_ in lists] == answers


def test_a_deleted_row_stays_deleted_after_a_restart(live, workspace):
    emulator, ask = live()
    science = f"/admin/workspaces/{workspace('Science')}"
    assert ask(f"DELETE {science}", {"name": "Science"})[0] == 200
    before = rows(emulator)

    restarted, ask_again = live()

    assert rows(restarted) == before
    assert ask_again(f"GET {science}")[0] == 403
    archived = ask_again("GET /admin/workspaces?status=archived")[1]
    assert [workspace_id["name"] for workspace_id in archived["data"]] == ["🔬 Science"]


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
    emulator, _ask = live()
    assert rows(emulator) != fresh

    emulator.answer("POST", "/emulator/reset", {}, b"")

    assert rows(live()[0]) == fresh


def test_the_seed_matters_only_to_a_new_file(file):
    acme = Emulator("acme", frozen_time, file)
    before = rows(acme)
    acme.store.close()

    assert rows(Emulator("empty", frozen_time, file)) == before


def change_at_random(store, numbers, step):
    """Make one random change."""
    table = store.table(numbers.choice("abc"))
    stored = [*table.rows()]
    match numbers.choice(["add", "add", "change", "remove", "delete"]):
        case "add":
            owner = numbers.choice(["x", "y", None])
            table.add({"id": store.uuid(), "owner": owner, "step": step, "text": "ü\n'\"\0"})
        case "change" if stored:
            changes = {"owner": numbers.choice(["x", "y", None]), "step": step}
            table.change(numbers.choice(stored), changes)
        case "remove" if stored:
            table.remove(numbers.choice(stored))
        case "delete" if stored:
            store.delete(table.name, numbers.choice(stored))


def everything(store):
    return [(name, [*store.table(name).rows()]) for name in "abc"], store.counter


def test_any_sequence_of_changes_reads_back_in_order(file):
    numbers, store = random.Random(4), Store(frozen_time, file)
    for step in range(60):
        with store.transaction():
            for _ in range(numbers.randrange(4)):
                change_at_random(store, numbers, step)
        remaining = everything(store)
        store.close()
        store = Store(frozen_time, file)
        assert everything(store) == remaining


@given(st.integers(0, 10_000))
def test_an_index_finds_what_a_search_would_in_the_order_of_making(seed):
    numbers, store = random.Random(seed), Store(frozen_time)
    created = []
    for step in range(40):
        before, counter = everything(store), store.counter
        fails = numbers.random() < 0.3
        with contextlib.suppress(KeyboardInterrupt), store.transaction():
            change_at_random(store, numbers, step)
            if fails:
                raise KeyboardInterrupt
        if fails:
            assert (everything(store), store.counter) == (before, counter)
        for name in "abc":
            table = store.table(name)
            created += [row["id"] for row in table.rows() if row["id"] not in created]
            assert [r["id"] for r in table.rows()] == [i for i in created if i in table]
            for owner in ("x", "y", None):
                indexed = table.where(owner=owner)
                searched = [row for row in table.rows() if row["owner"] == owner]
                assert [*indexed] == searched
                assert [*reversed(indexed)] == indexed.newest(0, 99) == searched[::-1]
                assert indexed[:3] == searched[:3]
                assert len(indexed) == len(searched)


def test_a_crash_in_the_middle_leaves_rows_ids_and_database_as_they_were(file):
    store = Store(frozen_time, file)
    with store.transaction():
        store.table("a").add({"id": "1", "n": 1})
        store.database.execute("create table bulk (n)")

    with pytest.raises(ZeroDivisionError), store.transaction():
        store.table("a").change(store.table("a")["1"], {"n": store.uuid()})
        store.delete("a", store.table("a")["1"])
        store.database.execute("insert into bulk values (1)")
        raise ZeroDivisionError

    assert [*store.table("a").rows()] == [{"id": "1", "n": 1}]
    assert not store.was_deleted("a", "1")
    assert store.counter == 0
    assert store.database.execute("select count(*) from bulk").fetchone() == (0,)
    store.close()
    assert [*Store(frozen_time, file).table("a").rows()] == [{"id": "1", "n": 1}]


def test_a_dump_has_no_data_of_the_database():
    store = Store(frozen_time)

    store.database.execute("create table bulk (n)")

    assert store.dump() == {"counter": 0, "tables": {}}


def test_a_second_process_is_refused_the_file(file):
    command = [sys.executable, "-m", "portkey_admin_mcp", "emulator", "--port", "0"]
    env = tree_environment({"HOME": str(file.parent)})
    with process(file):
        second = subprocess.run(
            [*command, "--state", str(file)], env=env, capture_output=True, text=True, check=False
        )

    assert second.returncode == 2
    assert "is in use by another process" in " ".join(second.stderr.split())


@pytest.mark.parametrize(
    ("mark", "schema"),
    [
        (0, "create table notes (text)"),
        (0, "create table rows (number)"),
        (0x0F055112, "create table rows (kind text, id text, place integer, json text)"),
    ],
)
def test_a_database_of_another_program_is_neither_emptied_nor_touched(file, mark, schema):
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute(f"pragma application_id = {mark}")
        other.execute(schema)
    before = file.read_bytes()

    with pytest.raises(ValueError, match=r"another program.*name another file"):
        Emulator("acme", frozen_time, file)

    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_the_time_that_was_moved_on_stays_so_after_a_restart(live):
    emulator, ask = live()
    emulator.answer("POST", "/emulator/clock", {}, b'{"advance_s": 3600}')
    moved = emulator.store.stamp()
    assert ask("POST /configs", {"name": "C", "config": {}})[0] == 200

    restarted, _ask = live()
    assert restarted.store.stamp() == moved == "2026-11-02T10:00:00.000Z"

    restarted.answer("POST", "/emulator/reset", {}, b"")
    assert live()[0].store.stamp() == "2026-11-02T09:00:00.000Z"


def test_a_reset_on_a_full_disk_changes_nothing(file):
    emulator = Emulator("empty", frozen_time, file)
    before, keys, database = rows(emulator), emulator.keys(), emulator.store.database
    (pages,) = database.execute("pragma page_count").fetchone()
    database.execute(f"pragma max_page_count = {pages}")

    status, _headers, answer = emulator.answer("POST", "/emulator/seed", {}, b'{"name": "acme"}')

    assert status == 500
    assert "state file cannot be written" in json.loads(answer)["data"]["message"]
    assert (rows(emulator), emulator.keys()) == (before, keys)
    headers = {"x-portkey-api-key": keys["owner"]}
    assert emulator.answer("GET", "/v1/admin/workspaces", headers, b"")[0] == 200
    database.execute("pragma max_page_count = 1000000")
    assert emulator.answer("POST", "/emulator/seed", {}, b'{"name": "acme"}')[0] == 200
    emulator.store.close()
    again = Emulator("empty", frozen_time, file)
    assert len(again.keys()) > 1
    again.store.close()


def test_a_file_of_an_older_version_is_refused_with_what_to_do(file):
    with contextlib.closing(sqlite3.connect(file)) as old:
        old.execute("create table rows (kind text, id text, place integer, json text)")

    with pytest.raises(ValueError, match="another version; delete it"):
        Store(frozen_time, file)


def test_a_file_that_is_no_database_is_not_overwritten(file):
    file.write_text("something dear to its owner, and long enough to be no database at all")

    with pytest.raises(StateFileError, match=f"^{file} is not a state file of the emulator; name "):
        Emulator("acme", frozen_time, file)

    assert file.read_text().startswith("something dear")


def test_a_file_that_cannot_be_created_is_named_with_the_cure(file):
    away = file.parent / "nothing" / "file.sqlite"

    with pytest.raises(StateFileError, match=f"^{away} cannot be created .*name a file in"):
        Emulator("acme", frozen_time, away)


def test_a_new_file_is_for_this_user_only(file):
    emulator = Emulator("empty", frozen_time, file)
    modes = {each.name: each.stat().st_mode & 0o777 for each in file.parent.iterdir()}
    emulator.store.close()

    assert len(modes) > 1  # the log of SQLite has the data too
    assert {*modes.values()} == {0o600}


@contextmanager
def process(file):
    """An emulator in its own process, which is killed at the end."""
    command = [sys.executable, "-m", "portkey_admin_mcp", "emulator", "--port", "0"]
    running = subprocess.Popen(
        [*command, "--state", str(file)],
        stderr=subprocess.PIPE,
        env=tree_environment({"HOME": str(file.parent)}),
    )
    try:
        ok, deadline = b"", time.monotonic() + PATIENCE_S
        while not (match := re.search(rb"base URL (http://127[\d.]+:\d+)", ok)):
            left = max(0, deadline - time.monotonic())
            assert select.select([running.stderr], [], [], left)[0], ok
            data = os.read(running.stderr.fileno(), 65536)
            assert data, ok
            ok += data
        url = match[1].decode()
        key = httpx2.get(f"{url}/emulator/keys", trust_env=False, verify=False).json()["owner"]
        headers = {"x-portkey-api-key": key}
        with httpx2.Client(
            base_url=f"{url}/v1", headers=headers, trust_env=False, verify=False
        ) as client:
            yield client
    finally:
        running.kill()
        running.wait()
        running.stderr.close()


def test_a_killed_process_loses_no_answered_write(file):
    with process(file) as client:
        created = client.post("/admin/workspaces", json={"name": "Rockets"}).json()
        (invite,) = client.get("/admin/users/invites").json()["data"]
        client.delete(f"/admin/users/invites/{invite['id']}").raise_for_status()

    with process(file) as client:
        assert client.get(f"/admin/workspaces/{created['id']}").json()["name"] == "Rockets"
        (remaining,) = client.get("/admin/users/invites").json()["data"]
        assert remaining == {**invite, "status": "cancelled"}
