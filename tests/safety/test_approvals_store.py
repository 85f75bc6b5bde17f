"""What every store of approvals and freezes does: SQLite in a file and in memory, and Redis."""

import asyncio
import os
import sqlite3
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from portkey_admin_mcp.errors import ConfigurationError, StateUnavailable
from portkey_admin_mcp.safety import store as limits
from portkey_admin_mcp.safety.redis_store import RedisStore
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.state_dir import IN_MEMORY, state_file
from portkey_admin_mcp.safety.store import APPROVED_S, PENDING_S, Approval, Freeze
from server.http.conftest import running_redis

NOW = 1_800_000_000.123456
REQUEST = Approval(
    id="0a1b2c3d",
    call="c" * 64,
    binding="b" * 32,
    tool="delete_user",
    label="Jo “é” \x1b[2J",
    preview='{"risk": "high"}',
    requester="bearer:ci",
    created_at=NOW,
    expires_at=NOW + PENDING_S,
    four_eyes=1,
)
A_FREEZE = Freeze("bearer:mo", "an incident: “é”", NOW)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def redis_server():
    with running_redis() as server:
        yield server


@pytest.fixture(params=["file", "memory", "redis"])
async def open_store(request, tmp_path, clock):
    """Opens the same store again, as another process would; in memory there is only one."""
    opened = []

    def connect():
        if request.param == "redis":
            url = request.getfixturevalue("redis_server").url
            opened.append(RedisStore(Redis.from_url(url), tmp_path.name, clock=clock))
        elif request.param == "file" or not opened:
            path = IN_MEMORY if request.param == "memory" else tmp_path / "state.db"
            opened.append(SqliteStore(path, clock))
        return opened[-1]

    yield connect
    for store in opened:
        await store.close()


@pytest.fixture
def store(open_store):
    return open_store()


async def test_a_request_waits_with_all_its_fields(store):
    assert await store.request(REQUEST) == REQUEST

    assert await store.find(REQUEST.id) == REQUEST
    assert await store.list_open() == [REQUEST]
    assert await store.find("ffffffff") is None
    assert await store.take(REQUEST.call, REQUEST.binding) is None


async def test_the_same_call_has_one_request_and_another_object_another(store):
    await store.request(REQUEST)
    again = replace(REQUEST, id="11111111", created_at=NOW + 1)
    changed = replace(again, binding="other")

    assert await store.request(again) == REQUEST
    assert await store.request(changed) == changed
    assert await store.list_open() == [REQUEST, changed]


async def test_an_approval_is_used_once_and_for_its_object_only(store):
    await store.request(REQUEST)
    settled = await store.settle(REQUEST.id, "approved", "bearer:mo", "fine")

    assert settled == replace(
        REQUEST,
        state="approved",
        settled_by="bearer:mo",
        settled_at=NOW,
        why="fine",
        expires_at=NOW + APPROVED_S,
    )
    assert await store.list_open() == []
    assert await store.request(replace(REQUEST, id="11111111")) == settled
    assert await store.take(REQUEST.call, "other") is None
    assert await store.take("other", REQUEST.binding) is None
    assert await store.take(REQUEST.call, REQUEST.binding) == settled
    assert await store.take(REQUEST.call, REQUEST.binding) is None
    assert (await store.find(REQUEST.id)).state == "used"


async def test_after_it_was_used_the_same_call_needs_another_approval(store):
    await store.request(REQUEST)
    await store.settle(REQUEST.id, "approved", "bearer:mo", "")
    await store.take(REQUEST.call, REQUEST.binding)
    again = replace(REQUEST, id="11111111")

    assert await store.request(again) == again
    assert await store.take(REQUEST.call, REQUEST.binding) is None
    assert await store.list_open() == [again]


async def test_a_denial_holds_until_it_expires(store, clock):
    await store.request(REQUEST)
    denied = await store.settle(REQUEST.id, "denied", "bearer:mo", "still in use")

    for _ in range(2):
        assert await store.take(REQUEST.call, REQUEST.binding) == denied
    clock.now += APPROVED_S
    assert await store.take(REQUEST.call, REQUEST.binding) is None


@pytest.mark.parametrize("second", ["approved", "denied"])
async def test_a_request_is_settled_once(store, second):
    await store.request(REQUEST)

    assert await store.settle("ffffffff", second, "bearer:mo", "") is None
    first = await store.settle(REQUEST.id, "denied", "bearer:mo", "")
    assert await store.settle(REQUEST.id, second, "bearer:ada", "") is None
    assert await store.find(REQUEST.id) == first


async def test_a_request_expires_and_can_be_made_again(store, clock):
    await store.request(REQUEST)
    clock.now = REQUEST.expires_at - 0.001
    assert await store.find(REQUEST.id) == REQUEST

    clock.now = REQUEST.expires_at
    again = replace(REQUEST, id="11111111", created_at=clock.now, expires_at=clock.now + PENDING_S)
    assert await store.find(REQUEST.id) is None
    assert await store.list_open() == []
    assert await store.settle(REQUEST.id, "approved", "bearer:mo", "") is None
    assert await store.request(again) == again


async def test_an_approval_expires(store, clock):
    await store.request(REQUEST)
    clock.now += PENDING_S - 1
    await store.settle(REQUEST.id, "approved", "bearer:mo", "")
    clock.now += APPROVED_S

    assert await store.take(REQUEST.call, REQUEST.binding) is None


async def test_two_instances_take_one_approval_once(open_store):
    one, two = open_store(), open_store()
    for number in range(5):
        request = replace(REQUEST, id=f"{number}", call=f"{number}")
        await one.request(request)
        await two.settle(request.id, "approved", "bearer:mo", "")

        taken = await asyncio.gather(
            *(each.take(request.call, request.binding) for each in (one, two) * 4)
        )

        assert len([approval for approval in taken if approval]) == 1


async def test_two_instances_make_one_request_of_the_same_call(open_store):
    one, two = open_store(), open_store()

    requests = await asyncio.gather(
        *(each.request(replace(REQUEST, id=f"{n}")) for n, each in enumerate((one, two) * 4))
    )

    assert len({approval.id for approval in requests}) == 1
    assert len(await one.list_open()) == 1


async def test_the_oldest_requests_of_one_requester_make_room_for_its_own(store, monkeypatch):
    for module in ("sqlite_store", "redis_store"):
        monkeypatch.setattr(f"portkey_admin_mcp.safety.{module}.MAX_PENDING", 2)
    other = replace(REQUEST, id="other", call="other", requester="bearer:ada", created_at=NOW - 9)
    await store.request(other)
    for number in range(4):
        request = replace(REQUEST, id=f"{number}", call=f"{number}", created_at=NOW + number)
        await store.request(replace(request, expires_at=request.created_at + PENDING_S))

    assert Counter(each.id for each in await store.list_open()) == Counter(["other", "2", "3"])
    assert await store.settle("1", "approved", "bearer:mo", "") is None
    assert await store.find("1") is None
    assert limits.MAX_PENDING == 100


async def test_what_was_decided_takes_no_room(store, monkeypatch):
    for module in ("sqlite_store", "redis_store"):
        monkeypatch.setattr(f"portkey_admin_mcp.safety.{module}.MAX_PENDING", 1)
    await store.request(REQUEST)
    await store.settle(REQUEST.id, "approved", "bearer:mo", "")
    for number in (1, 2):
        later = {"created_at": NOW + number, "expires_at": NOW + number + PENDING_S}
        await store.request(replace(REQUEST, id=f"{number}", call=f"{number}", **later))

    assert [each.id for each in await store.list_open()] == ["2"]
    assert (await store.take(REQUEST.call, REQUEST.binding)).id == REQUEST.id


async def test_a_reply_is_used_once_until_it_has_expired(open_store, clock):
    one, two = open_store(), open_store()
    uses = await asyncio.gather(*(each.use_once("nonce", 600) for each in (one, two) * 4))

    assert sorted(uses) == [False] * 7 + [True]
    assert await one.use_once("another", 600)
    clock.now += 600
    assert await two.use_once("nonce", 600)


async def test_what_is_forgotten_can_be_used_again(open_store):
    one, two = open_store(), open_store()
    await one.use_once("nonce", 600)
    await one.use_once("another", 600)
    await two.forget("nonce")

    assert await one.use_once("nonce", 600)
    assert not await one.use_once("another", 600)


async def test_a_freeze_holds_for_all_instances_until_it_is_thawed(open_store, clock):
    one, two = open_store(), open_store()
    assert await two.freeze() is None

    assert await one.set_freeze(A_FREEZE) == A_FREEZE
    assert await two.set_freeze(Freeze("bearer:ci", "mine", NOW + 1)) == A_FREEZE
    clock.now += 10 * PENDING_S
    assert await two.freeze() == A_FREEZE
    assert await two.set_freeze(None) is None
    assert await one.freeze() is None
    assert await one.set_freeze(A_FREEZE) == A_FREEZE


async def test_every_key_in_redis_expires_but_the_freeze(redis_server):
    store = RedisStore(Redis.from_url(redis_server.url), "ttl")
    request = replace(REQUEST, created_at=time.time(), expires_at=time.time() + PENDING_S)
    await store.request(request)
    await store.request(replace(request, id="11111111", call="other"))
    await store.settle(request.id, "approved", "bearer:mo", "")
    await store.use_once("nonce", 600)
    await store.set_freeze(A_FREEZE)

    async with Redis.from_url(redis_server.url) as redis:
        keys = [key async for key in redis.scan_iter("{ttl:safety}:*")]
        lives = {key.decode().partition("}:")[2]: await redis.ttl(key) for key in keys}
    await store.close()

    assert len(lives) == 8
    assert {name for name, seconds in lives.items() if seconds < 0} == {"freeze"}
    assert max(lives.values()) <= PENDING_S
    assert APPROVED_S - 5 <= lives[f"approval:{request.id}"] <= APPROVED_S
    calls = sorted(seconds for name, seconds in lives.items() if name.startswith("call:"))
    assert calls == pytest.approx([APPROVED_S, PENDING_S], abs=5)


async def test_the_lists_in_redis_hold_only_what_is_open(redis_server, clock, monkeypatch):
    monkeypatch.setattr("portkey_admin_mcp.safety.redis_store.MAX_PENDING", 2)
    store = RedisStore(Redis.from_url(redis_server.url), "lists", clock=clock)

    async def lengths():
        async with Redis.from_url(redis_server.url) as redis:
            lists = [key async for key in redis.scan_iter("{lists:safety}:open*")]
            return [await redis.zcard(key) for key in lists]

    for number in range(3):
        await store.request(replace(REQUEST, id=f"{number}", call=f"{number}"))
    assert await lengths() == [2, 2]  # of everybody, and of the requester
    clock.now += PENDING_S
    await store.request(replace(REQUEST, id="new", expires_at=clock.now + PENDING_S))
    assert await lengths() == [1, 1]
    await store.close()


class TestLosses:
    """A store that lost something, or that is away."""

    async def test_without_redis_every_method_says_so(self, tmp_path):
        redis = Redis(port=1, retry=Retry(NoBackoff(), 0))

        await every_method_fails(RedisStore(redis, "p"))

    async def test_redis_that_hangs_is_not_waited_for_long(self):
        async def never_answer(reader, writer):
            while await reader.read(1000):
                pass
            writer.close()

        listening = await asyncio.start_server(never_answer, "127.0.0.1", 0)
        store = RedisStore(Redis(port=listening.sockets[0].getsockname()[1]), "p", timeout_s=0.05)
        started = time.monotonic()

        with pytest.raises(StateUnavailable):
            await store.freeze()

        assert time.monotonic() - started < 1
        await store.close()
        listening.close()
        await listening.wait_closed()

    async def test_a_file_that_is_no_database_says_so(self, tmp_path):
        (tmp_path / "state.db").write_text("not a database " * 100)

        await every_method_fails(SqliteStore(tmp_path / "state.db"))

    async def test_a_failed_write_leaves_the_store_usable(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db")
        await store.request(REQUEST)
        with pytest.raises(StateUnavailable):  # the primary key exists
            await store.request(replace(REQUEST, call="other"))

        assert await store.set_freeze(A_FREEZE) == A_FREEZE

    async def test_a_freeze_in_a_file_that_replaced_the_first_is_seen(self, tmp_path):
        running = SqliteStore(tmp_path / "state.db")
        assert await running.freeze() is None
        for file in tmp_path.iterdir():
            file.unlink()
        await SqliteStore(tmp_path / "state.db").set_freeze(A_FREEZE)

        assert await running.freeze() == A_FREEZE

    async def test_a_freeze_that_redis_lost_holds_where_it_was_read(self, redis_server):
        one, two = (RedisStore(Redis.from_url(redis_server.url), "lost") for _ in range(2))
        await one.set_freeze(A_FREEZE)
        assert await two.freeze() == A_FREEZE
        async with Redis.from_url(redis_server.url) as redis:
            await redis.delete("{lost:safety}:freeze")

        assert await two.freeze() == A_FREEZE
        await one.set_freeze(None)
        assert await two.freeze() is None
        await one.close()
        await two.close()

    async def test_approvals_of_an_older_version_are_dropped_and_the_freeze_is_kept(self, tmp_path):
        old = sqlite3.connect(tmp_path / "state.db")
        old.executescript(
            "CREATE TABLE approvals (id); CREATE TABLE freeze (only, by, why, since);"
            "INSERT INTO approvals VALUES ('old'); INSERT INTO freeze VALUES (1, 'mo', 'why', 5)"
        )
        old.close()
        store = SqliteStore(tmp_path / "state.db")

        assert await store.list_open() == []
        assert await store.freeze() == Freeze("mo", "why", 5)


async def every_method_fails(store):
    for call in (
        store.request(REQUEST),
        store.find("0a1b2c3d"),
        store.list_open(),
        store.settle("0a1b2c3d", "approved", "bearer:mo", ""),
        store.take("c", "b"),
        store.use_once("nonce", 1),
        store.forget("nonce"),
        store.freeze(),
        store.set_freeze(A_FREEZE),
        store.set_freeze(None),
    ):
        with pytest.raises(StateUnavailable, match="so it changes nothing"):
            await call
    await store.close()


def open_files_in(directory):
    links = [*Path("/proc/self/fd").iterdir()]
    names = [os.readlink(link) for link in links if link.is_symlink()]
    return [name for name in names if name.startswith(f"{directory}/")]


class TestFile:
    """Where the state of a machine is kept."""

    def test_nobody_else_can_read_it(self, tmp_path):
        file = state_file(tmp_path / "state", sandbox=False)
        SqliteStore(file)

        assert file == tmp_path / "state" / "state.db"
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert state_file(tmp_path / "state", sandbox=True) == tmp_path / "state" / "sandbox.db"

    async def test_the_store_creates_its_files_for_this_user_only_and_closes_them(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db")
        await store.set_freeze(A_FREEZE)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        await store.close()

        assert set(modes.values()) == {0o600}
        assert "state.db-wal" in modes
        assert [file.name for file in tmp_path.iterdir()] == ["state.db"]

    @pytest.mark.skipif(
        not Path("/proc").exists(), reason="only Linux shows a process's open files"
    )
    async def test_a_file_that_was_replaced_is_closed(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db")
        await store.freeze()
        count = len(open_files_in(tmp_path))
        for file in tmp_path.iterdir():
            file.unlink()
        await store.freeze()

        assert len(open_files_in(tmp_path)) == count > 0
        await store.close()

    async def test_in_memory_it_has_to_do_with_no_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        store = SqliteStore(IN_MEMORY)
        await store.set_freeze(A_FREEZE)
        assert [*tmp_path.iterdir()] == []

        (tmp_path / IN_MEMORY).touch()
        assert await store.freeze() == A_FREEZE

    def test_a_directory_that_was_named_must_be_usable(self, tmp_path):
        (tmp_path / "file").touch()

        with pytest.raises(ConfigurationError, match="set PORTKEY_STATE_DIR to another"):
            state_file(tmp_path / "file" / "state", sandbox=False)

    def test_a_file_that_cannot_be_opened_is_not_replaced_by_memory(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        (tmp_path / "portkey-admin-mcp" / "state.db").mkdir(parents=True)

        with pytest.raises(ConfigurationError, match="cannot be written"):
            state_file(None, sandbox=False)

    def test_without_a_usual_directory_the_state_is_in_memory(self, tmp_path, monkeypatch, caplog):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

        assert state_file(None, sandbox=False) == IN_MEMORY
        assert "set PORTKEY_STATE_DIR" in caplog.text
