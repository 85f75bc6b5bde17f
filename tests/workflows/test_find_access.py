"""`find_access` by people whose access is known, as it was given."""

import json
from datetime import timedelta

import pytest

from organisations import END, Organisation
from portkey_admin_mcp.errors import Unauthenticated
from portkey_admin_mcp.workflows.access.person import access_of
from workflow_answers import answer_of

CALLS = "completions.write"


def drawn_access(seed):
    """An organisation, and what each person in it has."""
    organisation = Organisation(seed)
    draw = organisation.draw
    spaces = organisation.workspaces(draw.randint(1, 3))
    people = {}
    for number in range(3):
        roles = {s["slug"]: draw.choice(["admin", "manager", "member"]) for s in spaces
                 if draw.random() < 0.6}  # fmt: skip
        email = f"person{number}@x.example"
        grants = [{"id": slug, "role": role} for slug, role in roles.items()]
        own_id = organisation.user(email, "member", grants)
        people[email] = {"id": own_id, "roles": roles, "owned": set(), "used": {}, "servers": set()}
    organisation.now = END
    for space in spaces:
        members = [e for e, p in people.items() if space["slug"] in p["roles"]]
        for email in members:
            give_keys(organisation, space, email, people)
        give_servers(organisation, space, {email: people[email] for email in members})
    return organisation, people


def give_keys(organisation, space, email, people):
    """Perhaps a key of the person, and perhaps requests in their name by a service key."""
    draw, person = organisation.draw, people[email]
    if draw.random() < 0.5:
        person["owned"].add(organisation.key(space["id"], [CALLS], user=person["id"]))
    if draw.random() < 0.5:
        key, count = organisation.key(space["id"], [CALLS]), draw.randint(1, 4)
        name = draw.choice([email, person["id"]])
        for _ in range(count):
            at = END - timedelta(days=20 * draw.random())
            organisation.request(
                at, space["id"], api_key_id=key, metadata=json.dumps({"_user": name}), user=name
            )
        person["used"][key] = count


def give_servers(organisation, space, members):
    """An MCP server that some members may use."""
    draw = organisation.draw
    body = {"name": organisation.name("i"), "url": "https://mcp.example", "auth_type": "none",
            "transport": "http"}  # fmt: skip
    integration = organisation.send("POST", "/mcp-integrations", body)["id"]
    share = {"workspaces": [{"id": space["id"], "enabled": True}]}
    organisation.send("PUT", f"/mcp-integrations/{integration}/workspaces", share)
    body = {"name": organisation.name("s"), "mcp_integration_id": integration,
            "workspace_id": space["id"]}  # fmt: skip
    server = organisation.send("POST", "/mcp-servers", body)
    default = draw.choice(["allow", "deny"])
    named = {email: draw.random() < 0.5 for email in members if draw.random() < 0.5}
    access = [{"user_id": members[e]["id"], "enabled": on} for e, on in named.items()]
    organisation.send(
        "PUT",
        f"/mcp-servers/{server['id']}/user-access",
        {"user_access": access, "default_user_access": default},
    )
    for email, person in members.items():
        if named.get(email, default == "allow"):
            person["servers"].add((server["slug"], "name" if email in named else "default"))


@pytest.mark.parametrize("seed", range(8))
async def test_what_a_person_has_is_what_they_were_given(seed):
    organisation, people = drawn_access(seed)

    for email, person in people.items():
        asked_for = organisation.draw.choice([email, person["id"], email.upper()])
        answer = await answer_of(organisation.api(), "find_access", person=asked_for)
        assert answer["person"]["id"] == person["id"]
        roles = {row["workspace"]: row["role"] for row in answer.get("workspaces", ())}
        assert roles == person["roles"]
        keys = {row["id"]: row for row in answer.get("api_keys", ())}
        assert {own_id for own_id, row in keys.items() if row.get("owned")} == person["owned"]
        named = {
            own_id: row["requests_in_their_name"]
            for own_id, row in keys.items()
            if "requests_in_their_name" in row
        }
        assert named == person["used"]
        servers = {(row["server"], row["allowed_by"]) for row in answer.get("mcp_servers", ())}
        assert servers == person["servers"]
        totals = answer["totals"]
        assert totals["workspaces"] == len(roles)
        assert totals["api_keys"] == len(keys)
        assert not answer["not_seen"]


async def test_a_group_that_may_be_why_somebody_is_a_member_is_named(ask):
    answer = await ask("find_access", person="diego@acme.example")

    (group,) = answer["scim_groups"]
    assert (group["group"], group["same_role"]) == ("Support staff", True)
    assert "identity provider" in answer["next"]["scim_groups"]


async def test_somebody_who_was_only_invited_has_an_invitation(ask):
    answer = await ask("find_access", person="farid@acme.example")

    assert answer["notes"][0] == "No user of the organisation."
    assert [row["status"] for row in answer["invitations"]] == ["pending"]
    assert "delete_user_invite" in answer["next"]["invitations"]


async def test_the_nearest_address_is_suggested_for_nobody(ask):
    answer = await ask("find_access", person="deigo@acme.example")

    assert "did you mean diego@acme.example" in answer["notes"][0]


@pytest.mark.parametrize("person", ["emi@", "@", "a@b@c", "ä/ö?", "5", " x "])
async def test_a_person_may_be_any_text(api, person):
    answer = await answer_of(api, "find_access", person=person)

    assert answer["notes"][0].startswith("No user of the organisation.")


async def test_an_owner_reaches_every_workspace_without_being_a_member(ask):
    answer = await ask("find_access", person="Ada Okafor")

    assert answer["person"]["organisation_role"] == "owner"
    assert answer["person"]["reaches"] == "every workspace, by this role"


async def test_a_key_whose_metadata_names_somebody_is_theirs_without_a_request(ask, workspace):
    key = await ask(
        "create_api_key", type="workspace", sub_type="service", name="For Chitra",
        scopes=[CALLS], workspace_id=workspace("Science"),
        default_metadata={"_user": "chitra@acme.example"},
    )  # fmt: skip

    answer = await ask("find_access", person="chitra@acme.example")
    rows = {row["id"]: row for row in answer["api_keys"]}
    assert rows[key["id"]]["names_them_by_default"]
    assert "requests_in_their_name" not in rows[key["id"]]


async def test_the_key_of_a_person_who_is_gone_is_still_found(ask, emulator, user):
    chitra = user("Chitra")
    key = next(iter(emulator.store.table("api_keys").rows()))
    emulator.store.table("api_keys").change(key, {"user_id": chitra})
    users = emulator.store.table("users")
    users.remove(users.get(chitra))

    answer = await ask("find_access", person=chitra)
    assert [row["id"] for row in answer["api_keys"] if row.get("owned")] == [key["id"]]


async def test_a_key_of_a_workspace_says_what_it_did_not_see(connect):
    answer = await answer_of(connect("workspace-service"), "find_access", person="emi@acme.example")

    assert answer["workspaces"][0]["role"] == "manager"
    totals = answer["totals"]
    assert (totals["invitations"], totals["scim_groups"]) == ("not read", "not read")
    assert "no other is listed" in answer["looked_in"]
    assert "list_all_users [organisation_users.list" in answer["not_seen"][0]


async def test_a_key_without_scopes_does_not_say_that_somebody_has_nothing(connect):
    answer = await answer_of(connect("scopeless"), "find_access", person="emi@acme.example")

    assert answer["notes"][0].startswith("Not known whether this is a user")
    totals = answer["totals"]
    assert {totals[n] for n in ("workspaces", "api_keys", "invitations")} == {"not read"}


async def test_a_key_that_is_not_accepted_is_an_error(connect):
    with pytest.raises(Unauthenticated):
        await access_of(connect("unknown-key"), "emi@acme.example", None)
