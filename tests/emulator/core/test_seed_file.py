"""Seed files: objects that are created through the emulator's endpoints, and what is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from each import for_each
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.seed import Start, start_from
from portkey_admin_mcp.emulator.core.seed_file import SeedError
from portkey_admin_mcp.emulator.core.seed_objects import COLLECTIONS, find_object
from portkey_admin_mcp.emulator.core.store import frozen_time

EVERYTHING = Path(__file__).parent / "everything.yaml"


def emulator_from(seed):
    return Emulator(start_from(seed), frozen_time)


@pytest.fixture(scope="module")
def everything():
    """An emulator with an object of every collection."""
    return emulator_from(EVERYTHING)


@pytest.fixture
def stored(everything):
    return lambda collection, name: find_object(everything.store, collection, name)


@pytest.fixture
def send(everything):
    def request(endpoint, key="owner"):
        method, path = endpoint.split()
        headers = {"x-portkey-api-key": everything.keys()[key]}
        status, _headers, content = everything.answer(method, f"/v1{path}", headers, b"")
        assert status == 200, content
        return json.loads(content)

    return request


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_an_object_of_each_collection_is_created(everything, collection):
    entries = yaml.safe_load(EVERYTHING.read_text())[collection]
    field = COLLECTIONS[collection].name_field

    assert entries
    for entry in entries:
        row = find_object(everything.store, collection, entry[field])
        assert row is not None
        assert not any(name.startswith("_") for name in row)


def test_a_slug_and_a_secret_can_be_chosen(everything, send):
    assert everything.keys()["ci"] == "pk-ci-test"
    assert send("GET /configs/pc-main-000000", "ci")["name"] == "Main"
    assert send("GET /prompts/pp-greeting", "ci")["string"] == "Hello {{name}}"


def test_objects_name_each_other(stored, send):
    growth, grace = stored("workspaces", "Growth"), stored("users", "grace@acme.example")

    config = json.loads(send("GET /configs/pc-main-000000")["config"])
    assert config["virtual_key"] == "openai-growth"
    assert config["metadata"] == {"text": "for ws-growth and openai-growth, ${other}"}
    assert stored("api_keys", "grace")["user_id"] == grace["id"]
    members = send(f"GET /admin/workspaces/{growth['id']}/users")["data"]
    assert grace["id"] in {member["id"] for member in members}
    assert (grace["first_name"], grace["last_name"]) == ("Grace", "Hopper")


def test_a_key_has_all_scopes_of_its_kind_unless_the_file_names_some(stored):
    assert stored("api_keys", "grace")["scopes"] == ["completions.write"]
    assert stored("api_keys", "terraform")["type"] == "organisation-service"
    assert "workspaces.create" in stored("api_keys", "terraform")["scopes"]
    assert "workspaces.create" not in stored("api_keys", "ci")["scopes"]


def test_a_time_of_yaml_is_a_time_of_portkey(stored):
    assert stored("api_keys", "ci")["expires_at"] == "2026-12-31T00:00:00.000Z"


def test_the_audit_log_has_the_requests_of_the_file(send):
    start, end = "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z"

    records = send(f"GET /audit-logs?start_time={start}&end_time={end}")["records"]

    assert any(record["uri"] == "/v1/configs" for record in records)


def test_a_reset_starts_over_from_the_file():
    emulator = emulator_from(EVERYTHING)
    before = find_object(emulator.store, "configs", "Main")
    emulator.store.delete("workspaces", find_object(emulator.store, "workspaces", "Growth"))
    assert find_object(emulator.store, "configs", "Main") is None
    emulator.reset()

    assert find_object(emulator.store, "configs", "Main") == before


def test_the_same_file_gives_the_same_ids_at_any_time():
    start = start_from(EVERYTHING)
    states = [start.state(datetime(2026, month, 1, tzinfo=UTC)) for month in (11, 12)]

    ids = [[*state["tables"]["configs"]] for state in states]
    assert ids[0] == ids[1]


def test_objects_can_be_added_to_the_company(send):
    emulator = emulator_from({"start": "acme", "configs": [{"name": "Own", "config": {}}]})
    created = emulator.create_objects(
        {"api_keys": [{"name": "own", "workspace": "Support"}], "configs": []}
    )

    own = created["api_keys"]["own"]
    assert own["workspace_id"] == find_object(emulator.store, "workspaces", "Support")["id"]
    assert own["key"] == emulator.keys()["own"]
    assert len(emulator.store.table("workspaces")) == 3


@pytest.mark.parametrize("option", [{"traffic": False}, {}])
def test_the_month_can_be_left_out(option):
    start = start_from({"start": "acme", **option}, traffic=bool(option))

    assert "month" not in start.state(frozen_time())["tables"]["_traffic"]
    assert "month" in Start("acme").state(frozen_time())["tables"]["_traffic"]


CONFIG = {"name": "A", "config": {}}


WRONG = [
    ({"confgs": []}, "confgs: no such collection; did you mean 'configs'?"),
    ({"zz": []}, "zz: no such collection; use one of api_keys, collections, configs, "),
    ({"start": "none"}, "start: must be acme or empty, not 'none'"),
    ({"traffic": "no"}, "traffic: must be true or false"),
    ({"configs": {}}, "configs: must be a list of objects; begin each with '- name: …'"),
    ({"configs": ["x"]}, "configs[0]: must be an object with fields, such as 'name'"),
    ({"configs": [{}]}, "configs[0].name: is missing; give the object one"),
    ({"users": [{}]}, "users[0].email: is missing; give the object one"),
    ({"configs": [{"name": "A"}]}, "configs[0].config: is missing; add it"),
    ({"configs": [CONFIG, CONFIG]}, "configs[1].name: 'A' is there twice; rename one"),
    (
        {"configs": [{**CONFIG, "statuss": "active"}]},
        "configs[0].statuss: no such field; did you mean 'status'?",
    ),
    (
        {"configs": [{"name": "A", "config": {"retry": {"attempts": 9}}}]},
        "configs[0].config.retry.attempts: Input should be less than or equal to 5",
    ),
    (
        {"configs": [{**CONFIG, "workspace": "Nowhere"}]},
        "configs[0].workspace: there is no 'Nowhere' in 'workspaces'; define it under 'workspaces'",
    ),
    (
        {"workspaces": [{"name": "A", "description": "${configs.A.slug}"}]},
        "workspaces[0].description: there is no 'A' in 'configs'; 'configs' are created after "
        "'workspaces', so it cannot be named here",
    ),
    (
        {"workspaces": [{"name": "A"}, {"name": "B", "description": "${workspaces.A.slg}"}]},
        "workspaces[1].description: 'A' has no field 'slg'; did you mean 'slug'?",
    ),
    (
        {"workspaces": [{"name": "A", "users": ["eve@acme.example"]}]},
        "workspaces[0].users[0]: there is no 'eve@acme.example' in 'users'; define it under "
        "'users'",
    ),
    (
        {"providers": [{"name": "A", "integration_id": "no"}]},
        "providers[0]: Not found: integration no",
    ),
    (
        {"mcp_servers": [{"name": "A", "mcp_integration_id": "${users.ada@acme.example.id}"}]},
        "mcp_servers[0]: Not found: mcp integration ",
    ),
    (
        {
            "workspaces": [{"name": "A"}, {"name": "B"}],
            "collections": [
                {"name": "C", "workspace": "A"},
                {
                    "name": "D",
                    "workspace": "B",
                    "parent_collection_id": "${collections.C.id}",
                },
            ],
        },
        "collections[1].parent_collection_id: is in another workspace",
    ),
    (
        {
            "integrations": [{"name": "A", "slug": "a", "ai_provider_id": "openai", "key": "x"}],
            "providers": [{"name": "B", "integration_id": "a"}],
        },
        "providers[0]: names an object that does not exist, or that its workspace may not ",
    ),
    ({"api_keys": [{"name": "owner"}]}, "api_keys[0].name: the key 'owner' exists already; "),
    ({"api_keys": [{"name": "A", "key": " x"}]}, "api_keys[0].key: must be text without spa"),
    (
        {"api_keys": [{"name": "A", "key": "x"}, {"name": "B", "key": "x"}]},
        "api_keys[1].key: another key has this secret; choose another",
    ),
    ({"api_keys": [{"name": "A", "type": "team"}]}, "api_keys[0].type: no such type of API "),
    ({"configs": [{**CONFIG, "slug": "a b"}]}, "configs[0].slug: use letters, digits, "),
    ({"labels": [{"name": "A", "slug": "a"}]}, "labels[0].slug: such an object has no slug"),
    (
        {"configs": [{**CONFIG, "slug": "a"}, {"name": "B", "config": {}, "slug": "a"}]},
        "configs[1].slug: 'a' is in use; choose another",
    ),
    ({"configs": [{"name": "A", "config": {"a": object()}}]}, "<object object at"),
]


@for_each(WRONG)
def test_what_is_wrong_is_named_by_its_place_with_the_cure(case):
    content, message = case
    with pytest.raises(SeedError) as error:
        start_from(content)

    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "configs: [", "is not YAML: while parsing a flow node"),
        ("a.json", "{", "is not JSON: Expecting property name"),
        ("a.yml", "- a", "must be a mapping of collections, such as 'workspaces:'"),
        ("a.yaml", b"\xff", "is not text in UTF-8"),
        ("a.yaml", "confgs: []", "confgs: no such collection"),
        ("none.yaml", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(SeedError) as error:
        start_from(path)

    assert str(error.value).startswith(f"{path}: {message}")


def test_objects_are_added_all_or_none(emulator):
    before = emulator.store.dump()
    content = json.dumps({"configs": [CONFIG, {"name": "B"}]}).encode()

    status, _headers, answer = emulator.answer("POST", "/emulator/objects", {}, content)

    message = json.loads(answer)["data"]["message"]
    assert (status, message) == (400, "configs[1].config: is missing; add it")
    assert emulator.store.dump() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "must be an object with collections, such as 'workspaces'"),
        (b'{"start": "acme"}', "start: applies to a new organisation only; leave it out here"),
    ],
)
def test_what_cannot_be_added_is_refused(emulator, content, message):
    status, _headers, answer = emulator.answer("POST", "/emulator/objects", {}, content)

    assert (status, json.loads(answer)["data"]["message"]) == (400, message)
