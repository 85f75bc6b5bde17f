"""The emulator as a program, used through Portkey's SDK for Python."""

import contextlib
import inspect
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from typing import Any

import pytest
from pydantic import ValidationError

from emulator_process import TIMEOUT_S, command, control, emulator
from programs import tree_environment
from sdk_walk import call_every_method

FALLBACK = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "a"}, {"provider": "b"}]}

DOMAINS = (
    "admin", "analytics", "api_keys", "collections", "configs", "feedback", "guardrails",
    "integrations", "labels", "logs", "mcp_integrations", "mcp_servers", "models", "prompts",
    "providers", "virtual_keys",
)  # fmt: skip
GATEWAY = {
    "feedback.bulk_create", "feedback.create", "feedback.update", "logs.create", "models.list",
    "prompts.completions.create", "prompts.render",
}  # fmt: skip
REFUSED = {
    "owner": {*()},
    # Requests to the gateway need the key of a workspace.
    "admin": GATEWAY,
    # Requests about the organisation need a key of it.
    "workspace-service": {
        "admin.users.delete", "admin.users.list", "admin.users.retrieve", "admin.users.update",
        "admin.users.invites.create", "admin.users.invites.delete", "admin.users.invites.list",
        "admin.users.invites.resend", "admin.users.invites.retrieve",
        "admin.workspaces.create", "admin.workspaces.delete",
    },
}  # fmt: skip
"""The methods that a key is refused with 403."""
UNREADABLE = {
    "mcp_servers.user_access.list": "the SDK takes default_user_access for an object; in the "
    "OpenAPI file it is a word",
}
"""The methods whose answers the SDK itself cannot read, and why."""
NOT_EMULATED = {
    "mcp_integrations.sync": "no gateway connects to an MCP server here",
    "mcp_servers.capabilities.sync": "no gateway connects to an MCP server here",
    "mcp_servers.metadata.sync": "no gateway connects to an MCP server here",
    "mcp_servers.get_tokens": "no user signs in to an MCP server here",
    "mcp_servers.update_tokens": "no user signs in to an MCP server here",
    "mcp_servers.delete_tokens": "no user signs in to an MCP server here",
    "mcp_servers.get_client_info": "no user signs in to an MCP server here",
    "models.retrieve": "a request to OpenAI, not to the Admin API",
    "models.delete": "a request to OpenAI, not to the Admin API",
}
"""The methods without a counterpart in the emulator, and why."""


def sdk_module() -> Any:
    """Portkey's SDK, imported when it is used: that takes two seconds."""
    return import_module("portkey_ai")


def errors() -> Any:
    """The SDK's exceptions."""
    return import_module("portkey_ai.api_resources.exceptions")


@pytest.fixture(autouse=True, scope="module")
def _no_proxies_and_no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each client of the SDK would read all certificates twice, and none of them uses TLS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("no_certificates")))
        yield


@contextlib.contextmanager
def client(url: str, key: str = "owner") -> Iterator[Any]:
    """The SDK with a seeded key, by its name, or with any other."""
    sdk = sdk_module().Portkey(api_key=control(url, "GET keys").get(key, key), base_url=f"{url}/v1")
    with contextlib.closing(sdk):
        yield sdk


@pytest.fixture
def sdk(url) -> Iterator[Any]:
    with client(url) as sdk:
        yield sdk


@pytest.fixture
def workspace_id(sdk) -> str:
    """The id of a workspace for the test."""
    return sdk.admin.workspaces.create(name="Sandbox", description="To play in").id


def test_configs_are_made_read_changed_listed_and_deleted(sdk, workspace_id):
    created = sdk.configs.create(name="Main", config=FALLBACK, workspace_id=workspace_id)
    read = sdk.configs.retrieve(slug=created.slug)
    assert created.slug.startswith("pc-main-")
    assert (read.id, read.version_id, read.workspace_id) == (
        created.id,
        created.version_id,
        workspace_id,
    )
    assert (read.name, read.status, json.loads(read.config)) == ("Main", "active", FALLBACK)

    changed = sdk.configs.update(slug=created.slug, name="Next", config={"retry": {"attempts": 2}})
    read = sdk.configs.retrieve(slug=created.slug)
    assert read.version_id == changed.version_id != created.version_id
    assert (read.name, json.loads(read.config)) == ("Next", {"retry": {"attempts": 2}})

    page = sdk.configs.list(workspace_id=workspace_id)
    assert (page.object, page.total) == ("list", 1)
    assert [config["slug"] for config in page.data] == [created.slug]

    sdk.configs.delete(slug=created.slug)
    assert sdk.configs.list(workspace_id=workspace_id).data == []
    with pytest.raises(errors().PermissionDeniedError, match="AB03"):
        sdk.configs.retrieve(slug=created.slug)


def test_virtual_keys_are_made_read_changed_listed_and_deleted(sdk, workspace_id):
    created = sdk.virtual_keys.create(
        name="Main", provider="openai", key="sk-hidden", note="first", workspace_id=workspace_id
    )
    read = sdk.virtual_keys.retrieve(slug=created.slug)
    assert created.slug.startswith("main-")
    assert (read.slug, read.name, read.note, read.status) == (
        created.slug,
        "Main",
        "first",
        "active",
    )
    assert "sk-hidden" not in read.model_dump_json()

    limits = {"credit_limit": 5, "type": "cost"}
    sdk.virtual_keys.update(slug=created.slug, name="Next", usage_limits=limits)
    (listed,) = sdk.virtual_keys.list(workspace_id=workspace_id).data
    assert (listed["slug"], listed["name"], listed["note"]) == (created.slug, "Next", "first")
    assert listed["usage_limits"]["credit_limit"] == 5

    sdk.virtual_keys.delete(slug=created.slug)
    assert sdk.virtual_keys.list(workspace_id=workspace_id).total == 0


def test_api_keys_are_made_read_changed_listed_and_deleted(sdk, url, workspace_id):
    created = sdk.api_keys.create(
        type="workspace",
        sub_type="service",
        name="CI",
        workspace_id=workspace_id,
        scopes=["configs.list"],
        rate_limits=[{"type": "requests", "unit": "rpm", "value": 9}],
    )
    read = sdk.api_keys.retrieve(id=created.id)
    assert (read.id, read.name, read.type) == (created.id, "CI", "workspace-service")
    assert (read.workspace_id, read.scopes, read.status) == (
        workspace_id,
        ["configs.list"],
        "active",
    )
    assert read.rate_limits == [{"type": "requests", "unit": "rpm", "value": 9}]
    assert read.key == f"{created.key[:2]}*****{created.key[-3:]}"

    sdk.api_keys.update(id=created.id, name="CD", scopes=["configs.list", "configs.read"])
    page = sdk.api_keys.list(workspace_id=workspace_id, page_size=10)
    assert [(key["id"], key["name"]) for key in page.data] == [(created.id, "CD")]

    with client(url, created.key) as theirs:
        assert theirs.configs.list().total == 0
        with pytest.raises(errors().PermissionDeniedError):
            theirs.configs.create(name="Main", config=FALLBACK)
        sdk.api_keys.delete(id=created.id)
        with pytest.raises(errors().AuthenticationError):
            theirs.configs.list()


def test_a_key_is_rotated_and_both_secrets_work_for_a_while(sdk, url, workspace_id):
    created = sdk.api_keys.create(
        type="workspace",
        sub_type="service",
        name="CI",
        workspace_id=workspace_id,
        scopes=["configs.list"],
    )

    # The SDK has no method for this; `post` is its way to any endpoint.
    rotated = sdk.post(f"/api-keys/{created.id}/rotate", key_transition_period_ms=1_800_000)

    assert rotated.id == created.id
    assert rotated.key_transition_expires_at > sdk.api_keys.retrieve(id=created.id).created_at
    for secret in {created.key, rotated.key}:
        with client(url, secret) as theirs:
            assert theirs.configs.list().total == 0
    assert created.key != rotated.key


def test_workspaces_are_made_read_changed_listed_and_deleted(sdk):
    created = sdk.admin.workspaces.create(
        name="New", description="first", defaults={"metadata": {}}
    )
    read = sdk.admin.workspaces.retrieve(workspace_id=created.slug)
    assert created.slug.startswith("ws-new-")
    assert (read.id, read.slug, read.name, read.description) == (
        created.id,
        created.slug,
        "New",
        "first",
    )

    sdk.admin.workspaces.update(workspace_id=created.id, name="Next")
    page = sdk.admin.workspaces.list(exact_name="Next")
    assert [
        (workspace_id.id, workspace_id.name, workspace_id.description) for workspace_id in page.data
    ] == [(created.id, "Next", "first")]

    sdk.configs.create(name="Main", config=FALLBACK, workspace_id=created.id)
    with pytest.raises(errors().ConflictError, match="AB07"):
        sdk.admin.workspaces.delete(workspace_id=created.id, name="Next")
    sdk.configs.delete(slug=sdk.configs.list(workspace_id=created.id).data[0]["slug"])
    sdk.admin.workspaces.delete(workspace_id=created.id, name="Next")
    assert sdk.admin.workspaces.list(exact_name="Next").data == []


def test_members_are_added_read_changed_listed_and_removed(sdk, workspace_id):
    users = sdk.admin.users.list(role="member")
    someone = users.data[0]
    assert users.total == len(users.data)
    assert sdk.admin.users.retrieve(user_id=someone.id).email == someone.email

    members = sdk.admin.workspaces.users
    members.create(workspace_id=workspace_id, users=[{"id": someone.id, "role": "member"}])
    members.update(workspace_id=workspace_id, user_id=someone.id, role="manager")
    read = members.retrieve(workspace_id=workspace_id, user_id=someone.id)
    assert (read.role, read.org_role, read.status) == ("manager", "member", "active")
    assert [member["email"] for member in members.list(workspace_id=workspace_id).data] == [
        someone.email
    ]

    members.delete(workspace_id=workspace_id, user_id=someone.id)
    assert members.list(workspace_id=workspace_id).total == 0


def test_invitations_are_made_read_listed_sent_again_and_cancelled(sdk, workspace_id):
    invites = sdk.admin.users.invites
    created = invites.create(
        email="new@acme.example",
        role="member",
        workspaces=[{"id": workspace_id, "role": "admin"}],
        workspace_api_key_details={"scopes": ["logs.view"]},
    )
    read = invites.retrieve(invite_id=created.id)
    assert created.id in created.invite_link
    assert (read.id, read.email, read.role) == (created.id, "new@acme.example", "member")
    assert (read.status, read.accepted_at) == ("pending", None)

    assert invites.resend(invite_id=created.id).inviteLink == created.invite_link
    page = invites.list(email="new@acme.example", status="pending")
    assert [invite.id for invite in page.data] == [created.id]

    invites.delete(invite_id=created.id)
    assert invites.list(email="new@acme.example", status="pending").data == []


def test_an_error_becomes_the_matching_exception_of_the_sdk(sdk, url, workspace_id):
    with pytest.raises(errors().NotFoundError, match="AB08"):
        sdk.configs.retrieve(slug="pc-never-000000")
    with pytest.raises(errors().BadRequestError, match="AB01"):
        sdk.api_keys.create(
            type="workspace", sub_type="service", name="k", workspace_id=workspace_id
        )
    with client(url, "unheard-of") as stranger, pytest.raises(errors().AuthenticationError):
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
        with pytest.raises(errors().PermissionDeniedError):
            sdk.configs.retrieve(slug=gone)
        created = sdk.configs.create(name="Kept", config=FALLBACK)
        assert created.slug not in (slug, gone)


def test_an_empty_organisation_has_an_owner_and_a_workspace_and_its_clock_can_be_stopped(tmp_path):
    options = ("--empty", "--now", "2026-01-02T03:04:05")
    with emulator(tmp_path, *options) as url, client(url) as sdk:
        assert list(control(url, "GET keys")) == ["owner"]
        assert [user.role for user in sdk.admin.users.list().data] == ["owner"]
        assert sdk.admin.workspaces.list().total == 1
        assert sdk.configs.list().data == []

        created = sdk.configs.create(name="C", config=FALLBACK)
        read = sdk.configs.retrieve(slug=created.slug)
        assert read.created_at == "2026-01-02T03:04:05.000Z"


INVALID_OPTIONS = {
    "--seed nonsense": "--seed: must be one of: acme, empty",
    "--state .": "--state",
    "--state notes.txt": "--state: notes.txt is not a state file of the emulator",
    "--state other.sqlite": "a database of another program",
    "--empty --state notes.txt": "already holds an organisation",
    "--now yesterday": "--now",
    "--port 65536": "--port",
}
RUN_EACH = """
import contextlib, io, json, sys
from portkey_admin_mcp.cli.command_line import main

ended = []
for options in sys.argv[1:]:
    with contextlib.redirect_stderr(io.StringIO()) as text:
        try:
            main(["emulator", *options.split()], prog_name="portkey-admin-mcp")
        except SystemExit as exit:
            ended.append((exit.code, text.getvalue()))
print(json.dumps(ended))
"""
"""Runs the command with each of some options, in one process because a start takes a while."""


def test_an_invalid_option_is_refused_with_a_short_message(tmp_path):
    (tmp_path / "notes.txt").write_text("No database, but longer than the head of one. " * 9)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as other:
        other.execute("create table notes (text)")

    process = subprocess.run(
        [sys.executable, "-c", RUN_EACH, *INVALID_OPTIONS],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=tree_environment(),
    )

    ended = dict(zip(INVALID_OPTIONS, json.loads(process.stdout), strict=True))
    assert {options: code for options, (code, _text) in ended.items()} == dict.fromkeys(ended, 2)
    for options, message in INVALID_OPTIONS.items():
        assert message in " ".join(ended[options][1].split())


def test_a_port_in_use_is_named(url):
    port = url.rpartition(":")[2]

    ended = subprocess.run(
        command("--port", port),
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=tree_environment(),
    )

    assert "Traceback" not in ended.stderr
    assert ended.returncode != 0
    assert f"port {port} of 127.0.0.1 is in use by another program" in ended.stderr


def methods_of(resource, path=()):
    """The public methods of the SDK's resources, by their path."""
    base = import_module("portkey_ai.api_resources.apis.api_resource").APIResource
    for name in dir(type(resource)) + list(vars(resource)):
        value = None if name.startswith("_") else getattr(resource, name, None)
        if isinstance(value, base) and name != "openai_client":
            yield from methods_of(value, (*path, name))
        elif inspect.ismethod(value) and not hasattr(base, name):
            yield ".".join((*path, name))


def all_methods():
    sdk = sdk_module().Portkey(api_key="none", base_url="http://127.0.0.1:1/v1")
    return {name for domain in DOMAINS for name in methods_of(getattr(sdk, domain), (domain,))}


@pytest.mark.parametrize("key", ["owner", "admin", "workspace-service"])
def test_every_method_works_with_the_keys_that_may_call_it(url, key):
    called = set()
    refusals = (
        errors().PermissionDeniedError,
        import_module("portkey_ai._vendor.openai").PermissionDeniedError,  # of `models.list`
    )
    with client(url) as owner, client(url, key) as sdk:
        (support,) = [each for each in owner.admin.workspaces.list().data if each.name == "Support"]

        def call(method, *positional, **arguments):
            if method == "finish":
                return control(url, f"POST exports/{arguments['export_id']}/finish")
            called.add(method)
            if method in UNREADABLE:
                with pytest.raises(ValidationError):
                    attrgetter(method)(sdk)(*positional, **arguments)
                return None
            if method not in REFUSED[key]:
                return attrgetter(method)(sdk)(*positional, **arguments)
            with pytest.raises(refusals):
                attrgetter(method)(sdk)(*positional, **arguments)
            return attrgetter(method)(owner)(*positional, **arguments)

        named = {} if key == "workspace-service" else {"workspace_id": support.id}
        call_every_method(call, support.id, named)

    assert called == all_methods() - {*NOT_EMULATED}


def test_what_is_not_emulated_is_not_found(url):
    with client(url) as sdk, pytest.raises(errors().NotFoundError):
        sdk.mcp_servers.get_tokens(mcp_server_id="support-github")
