"""The emulator as a program, in the eyes of Portkey's own SDK for Python."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from portkey_ai import Portkey
from portkey_ai.api_resources.exceptions import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)

TIMEOUT_S = 30
FALLBACK = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "a"}, {"provider": "b"}]}


@pytest.fixture(autouse=True, scope="module")
def _no_proxies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "portkey_admin_mcp", "emulator", *options]


def control(url: str, endpoint: str) -> Any:
    """Say something to the emulator itself."""
    method, path = endpoint.split()
    with urlopen(Request(f"{url}/emulator/{path}", method=method), timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def refusal(*options: str) -> tuple[int, str]:
    """The exit code and the words of an emulator that does not start."""
    ended = subprocess.run(
        command(*options), check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


@contextlib.contextmanager
def emulator(home: Path, *options: str) -> Iterator[str]:
    """An emulator in a process of its own, and its address."""
    port = free_port()
    with (home / f"{port}.log").open("w+") as log:
        process = subprocess.Popen(command("--port", str(port), *options), stderr=log, stdout=log)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + TIMEOUT_S
            while not _answers(url):
                assert process.poll() is None and time.monotonic() < deadline, log.read()
                time.sleep(0.02)
            yield url
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def _answers(url: str) -> bool:
    try:
        return bool(control(url, "GET keys"))
    except URLError:
        return False


@contextlib.contextmanager
def client(url: str, key: str = "owner") -> Iterator[Portkey]:
    """The SDK with a seeded key, by its name, or with any other."""
    sdk = Portkey(api_key=control(url, "GET keys").get(key, key), base_url=f"{url}/v1")
    with contextlib.closing(sdk):
        yield sdk


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def url(served) -> str:
    """An emulator as it was at first."""
    control(served, "POST reset")
    return served


@pytest.fixture
def sdk(url) -> Iterator[Portkey]:
    with client(url) as sdk:
        yield sdk


@pytest.fixture
def home(sdk) -> str:
    """The id of a workspace to work in."""
    return sdk.admin.workspaces.create(name="Sandbox", description="To play in").id


def test_configs_are_made_read_changed_listed_and_deleted(sdk, home):
    made = sdk.configs.create(name="Main", config=FALLBACK, workspace_id=home)
    read = sdk.configs.retrieve(slug=made.slug)
    assert made.slug.startswith("pc-main-")
    assert (read.id, read.version_id, read.workspace_id) == (made.id, made.version_id, home)
    assert (read.name, read.status, json.loads(read.config)) == ("Main", "active", FALLBACK)

    changed = sdk.configs.update(slug=made.slug, name="Next", config={"retry": {"attempts": 2}})
    read = sdk.configs.retrieve(slug=made.slug)
    assert read.version_id == changed.version_id != made.version_id
    assert (read.name, json.loads(read.config)) == ("Next", {"retry": {"attempts": 2}})

    page = sdk.configs.list(workspace_id=home)
    assert (page.object, page.total) == ("list", 1)
    assert [config["slug"] for config in page.data] == [made.slug]

    sdk.configs.delete(slug=made.slug)
    assert sdk.configs.list(workspace_id=home).data == []
    with pytest.raises(PermissionDeniedError, match="AB03"):
        sdk.configs.retrieve(slug=made.slug)


def test_virtual_keys_are_made_read_changed_listed_and_deleted(sdk, home):
    made = sdk.virtual_keys.create(
        name="Main", provider="openai", key="sk-hidden", note="first", workspace_id=home
    )
    read = sdk.virtual_keys.retrieve(slug=made.slug)
    assert made.slug.startswith("main-")
    assert (read.slug, read.name, read.note, read.status) == (made.slug, "Main", "first", "active")
    assert "sk-hidden" not in read.model_dump_json()

    limits = {"credit_limit": 5, "type": "cost"}
    sdk.virtual_keys.update(slug=made.slug, name="Next", usage_limits=limits)
    (listed,) = sdk.virtual_keys.list(workspace_id=home).data
    assert (listed["slug"], listed["name"], listed["note"]) == (made.slug, "Next", "first")
    assert listed["usage_limits"]["credit_limit"] == 5

    sdk.virtual_keys.delete(slug=made.slug)
    assert sdk.virtual_keys.list(workspace_id=home).total == 0


def test_api_keys_are_made_read_changed_listed_and_deleted(sdk, url, home):
    made = sdk.api_keys.create(
        type="workspace",
        sub_type="service",
        name="CI",
        workspace_id=home,
        scopes=["configs.list"],
        rate_limits=[{"type": "requests", "unit": "rpm", "value": 9}],
    )
    read = sdk.api_keys.retrieve(id=made.id)
    assert (read.id, read.name, read.type) == (made.id, "CI", "workspace-service")
    assert (read.workspace_id, read.scopes, read.status) == (home, ["configs.list"], "active")
    assert read.rate_limits == [{"type": "requests", "unit": "rpm", "value": 9}]
    assert read.key == f"{made.key[:2]}*****{made.key[-3:]}"

    sdk.api_keys.update(id=made.id, name="CD", scopes=["configs.list", "configs.read"])
    page = sdk.api_keys.list(workspace_id=home, page_size=10)
    assert [(key["id"], key["name"]) for key in page.data] == [(made.id, "CD")]

    with client(url, made.key) as theirs:
        assert theirs.configs.list().total == 0
        with pytest.raises(PermissionDeniedError):
            theirs.configs.create(name="Main", config=FALLBACK)
        sdk.api_keys.delete(id=made.id)
        with pytest.raises(AuthenticationError):
            theirs.configs.list()


def test_a_key_is_rotated_and_both_secrets_work_for_a_while(sdk, url, home):
    made = sdk.api_keys.create(
        type="workspace", sub_type="service", name="CI", workspace_id=home, scopes=["configs.list"]
    )

    # The SDK has no method for this; `post` is its way to any endpoint.
    rotated = sdk.post(f"/api-keys/{made.id}/rotate", key_transition_period_ms=1_800_000)

    assert rotated.id == made.id
    assert rotated.key_transition_expires_at > sdk.api_keys.retrieve(id=made.id).created_at
    for secret in {made.key, rotated.key}:
        with client(url, secret) as theirs:
            assert theirs.configs.list().total == 0
    assert made.key != rotated.key


def test_workspaces_are_made_read_changed_listed_and_deleted(sdk):
    made = sdk.admin.workspaces.create(name="New", description="first", defaults={"metadata": {}})
    read = sdk.admin.workspaces.retrieve(workspace_id=made.slug)
    assert made.slug.startswith("ws-new-")
    assert (read.id, read.slug, read.name, read.description) == (
        made.id,
        made.slug,
        "New",
        "first",
    )

    sdk.admin.workspaces.update(workspace_id=made.id, name="Next")
    page = sdk.admin.workspaces.list(exact_name="Next")
    assert [(home.id, home.name, home.description) for home in page.data] == [
        (made.id, "Next", "first")
    ]

    sdk.configs.create(name="Main", config=FALLBACK, workspace_id=made.id)
    with pytest.raises(ConflictError, match="AB07"):
        sdk.admin.workspaces.delete(workspace_id=made.id, name="Next")
    sdk.configs.delete(slug=sdk.configs.list(workspace_id=made.id).data[0]["slug"])
    sdk.admin.workspaces.delete(workspace_id=made.id, name="Next")
    assert sdk.admin.workspaces.list(exact_name="Next").data == []


def test_members_are_added_read_changed_listed_and_removed(sdk, home):
    users = sdk.admin.users.list(role="member")
    someone = users.data[0]
    assert users.total == len(users.data)
    assert sdk.admin.users.retrieve(user_id=someone.id).email == someone.email

    members = sdk.admin.workspaces.users
    members.create(workspace_id=home, users=[{"id": someone.id, "role": "member"}])
    members.update(workspace_id=home, user_id=someone.id, role="manager")
    read = members.retrieve(workspace_id=home, user_id=someone.id)
    assert (read.role, read.org_role, read.status) == ("manager", "member", "active")
    assert [member["email"] for member in members.list(workspace_id=home).data] == [someone.email]

    members.delete(workspace_id=home, user_id=someone.id)
    assert members.list(workspace_id=home).total == 0


def test_invitations_are_made_read_listed_sent_again_and_cancelled(sdk, home):
    invites = sdk.admin.users.invites
    made = invites.create(
        email="new@acme.example",
        role="member",
        workspaces=[{"id": home, "role": "admin"}],
        workspace_api_key_details={"scopes": ["logs.view"]},
    )
    read = invites.retrieve(invite_id=made.id)
    assert made.id in made.invite_link
    assert (read.id, read.email, read.role) == (made.id, "new@acme.example", "member")
    assert (read.status, read.accepted_at) == ("pending", None)

    assert invites.resend(invite_id=made.id).inviteLink == made.invite_link
    page = invites.list(email="new@acme.example", status="pending")
    assert [invite.id for invite in page.data] == [made.id]

    invites.delete(invite_id=made.id)
    assert invites.list(email="new@acme.example", status="pending").data == []


def test_an_error_is_of_the_sdks_own_kind(sdk, url, home):
    with pytest.raises(NotFoundError, match="AB08"):
        sdk.configs.retrieve(slug="pc-never-000000")
    with pytest.raises(BadRequestError, match="AB01"):
        sdk.api_keys.create(type="workspace", sub_type="service", name="k", workspace_id=home)
    with client(url, "unheard-of") as stranger, pytest.raises(AuthenticationError):
        stranger.configs.list()


def test_a_state_file_outlives_the_process(tmp_path):
    state = str(tmp_path / "acme.sqlite")
    with emulator(tmp_path, "--state", state) as url, client(url) as sdk:
        slug = sdk.configs.create(name="Kept", config=FALLBACK).slug
        gone = sdk.configs.create(name="Gone", config=FALLBACK).slug
        sdk.configs.delete(slug=gone)
        keys = control(url, "GET keys")

    with emulator(tmp_path, "--state", state) as url, client(url) as sdk:
        assert control(url, "GET keys") == keys
        assert json.loads(sdk.configs.retrieve(slug=slug).config) == FALLBACK
        with pytest.raises(PermissionDeniedError):
            sdk.configs.retrieve(slug=gone)
        made = sdk.configs.create(name="Kept", config=FALLBACK)
        assert made.slug not in (slug, gone)


def test_an_empty_organisation_has_an_owner_and_a_workspace(tmp_path):
    with emulator(tmp_path, "--empty") as url, client(url) as sdk:
        assert list(control(url, "GET keys")) == ["owner"]
        assert [user.role for user in sdk.admin.users.list().data] == ["owner"]
        assert sdk.admin.workspaces.list().total == 1
        assert sdk.configs.list().data == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--seed", "nonsense"], "--seed: must be one of: acme, empty"),
        (["--state", "{home}"], "--state"),
        (["--state", "{home}/notes.txt"], "--state: cannot be used"),
        (["--port", "65536"], "--port"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_a_few_words(tmp_path, options, told):
    (tmp_path / "notes.txt").write_text("No database, but longer than the head of one. " * 9)

    code, words = refusal(*(option.format(home=tmp_path) for option in options))

    assert code == 2
    assert told in words


def test_a_port_that_is_taken_is_named(url):
    port = url.rpartition(":")[2]

    code, words = refusal("--port", port)

    assert code != 0
    assert re.search(rf"{port}.*address already in use", words)
