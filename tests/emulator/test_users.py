"""Users and invitations in the emulator."""

from datetime import timedelta

import pytest

FARID = {"email": "farid@new.example", "role": "member"}


def test_users_are_paged_in_camel_case_from_zero_and_newest_first(ok):
    page = ok("GET /admin/users?pageSize=2&currentPage=1")
    snake = ok("GET /admin/users?page_size=2&current_page=1")

    assert [user["first_name"] for user in page["data"]] == ["Chitra", "Ben"]
    assert (page["object"], page["total"], len(snake["data"])) == ("list", 5, 5)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("role=owner", ["Ada"]),
        ("role=admin", ["Ben"]),
        ("email=emi@acme.example", ["Emi"]),
        ("role=owner&email=emi@acme.example", []),
    ],
)
def test_users_are_filtered_by_role_and_email(ok, query, names):
    page = ok(f"GET /admin/users?{query}")

    assert [user["first_name"] for user in page["data"]] == names
    assert page["total"] == len(names)


def test_owners_and_admins_see_every_workspace_and_members_their_own(ok, user):
    workspaces = {
        name: ok(f"GET /admin/users/{user(name)}")["workspace_ids"]
        for name in ("Ada", "Ben", "Chitra")
    }

    assert workspaces["Ada"] == workspaces["Ben"]
    assert [slug.rsplit("-", 1)[0] for slug in workspaces["Ada"]] == [
        "ws-shared",
        "ws-scienc",
        "ws-suppor",
    ]
    assert workspaces["Chitra"] == workspaces["Ada"][1:2]


def test_only_the_role_changes_and_never_to_owner(ok, refused, user):
    emi = f"/admin/users/{user('Emi')}"

    assert ok(f"PUT {emi}", {"role": "admin", "first_name": "Emma"}) == {}
    assert refused(f"PUT {emi}", {"role": "owner"}) == (400, "AB01")
    assert ok(f"PUT {emi}", {}) == {}

    changed = ok(f"GET {emi}")
    assert (changed["role"], changed["first_name"]) == ("admin", "Emi")


def test_a_user_is_deleted_with_memberships_and_keys(ok, refused, emulator, user, workspace):
    emi, members = user("Emi"), f"/admin/workspaces/{workspace('Support')}/users"
    hers = emulator.keys()["workspace-user"]
    ok("GET /configs", key=hers)

    assert ok(f"DELETE /admin/users/{emi}") == {}

    assert refused(f"GET /admin/users/{emi}") == (403, "AB03")
    assert refused(f"GET {members}/{emi}") == (404, "AB08")
    assert refused("GET /configs", key=hers) == (401, "AB05")
    assert [member["first_name"] for member in ok(f"GET {members}")["data"]] == ["Diego"]


def test_an_invitation_reads_back_without_its_workspaces_and_scopes(ok, workspace, emulator):
    slug = emulator.store.table("workspaces")[workspace("Support")]["slug"]
    grants = {
        "workspaces": [{"id": slug, "role": "manager"}],
        "workspace_api_key_details": {"scopes": ["logs.view"]},
    }

    created = ok("POST /admin/users/invites", {**FARID, **grants})

    invite = ok(f"GET /admin/users/invites/{created['id']}")
    assert set(created) == {"id", "invite_link"}
    assert (invite["object"], invite["email"], invite["role"]) == ("invite", *FARID.values())
    assert (invite["status"], invite["accepted_at"]) == ("pending", None)
    assert not {"workspaces", "workspace_api_key_details", "scopes"} & set(invite)
    assert not [name for name in invite if name.startswith("_")]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"email": "emi@acme.example"}, (409, "AB07")),
        ({"email": "nobody"}, (400, "AB01")),
        ({"role": "owner"}, (400, "AB01")),
        ({"workspaces": [{"id": "ws-none", "role": "member"}]}, (403, "AB03")),
        (
            {"email": "emi@acme.example", "workspaces": [{"id": "ws-none", "role": "member"}]},
            (403, "AB03"),
        ),
    ],
)
def test_an_invalid_invitation_is_refused_and_not_stored(ok, refused, change, answer):
    assert refused("POST /admin/users/invites", FARID | change) == answer
    assert ok("GET /admin/users/invites")["total"] == 1


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_an_invitation_that_has_ended_is_still_listed_and_cannot_be_used(
    ok, refused, emulator, end
):
    path = f"/admin/users/invites/{ok('POST /admin/users/invites', FARID)['id']}"
    if end == "cancelled":
        assert ok(f"DELETE {path}") == {}
    else:
        emulator.store.ahead = timedelta(days=7)

    assert ok(f"GET {path}")["status"] == end
    listed = ok(f"GET /admin/users/invites?status={end}&email={FARID['email']}")
    assert [invite["status"] for invite in listed["data"]] == [end]
    assert ok(f"GET /admin/users/invites?status=pending&email={FARID['email']}")["total"] == 0
    assert refused(f"POST {path}/resend") == (400, "AB01")
    assert refused(f"DELETE {path}") == (400, "AB01")


def test_an_invitation_is_valid_until_its_last_second(ok, emulator):
    path = f"/admin/users/invites/{ok('POST /admin/users/invites', FARID)['id']}"
    emulator.store.ahead = timedelta(days=7, seconds=-1)

    assert ok(f"GET {path}")["status"] == "pending"


def test_resending_answers_the_same_link_under_another_name(ok):
    created = ok("POST /admin/users/invites", FARID)

    again = ok(f"POST /admin/users/invites/{created['id']}/resend")

    assert again == {"inviteLink": created["invite_link"]}


def test_a_user_who_accepts_joins_the_workspaces_and_gets_the_promised_key(ok, control, workspace):
    support = workspace("Support")
    details = {
        "workspaces": [{"id": support, "role": "manager"}],
        "workspace_api_key_details": {"scopes": ["logs.view"]},
    }
    created = ok("POST /admin/users/invites", {**FARID, **details})

    user_id = control(f"POST invites/{created['id']}/accept")["user_id"]

    assert ok(f"GET /admin/workspaces/{support}/users/{user_id}")["role"] == "manager"
    (key,) = [row for row in ok("GET /api-keys")["data"] if row["user_id"] == user_id]
    assert (key["type"], key["workspace_id"], key["scopes"]) == (
        "workspace-user",
        support,
        ["logs.view"],
    )


def test_a_user_who_accepts_gets_no_key_if_none_was_promised(ok, control, workspace):
    details = {"workspaces": [{"id": workspace("Support"), "role": "member"}]}
    created = ok("POST /admin/users/invites", {**FARID, **details})

    user_id = control(f"POST invites/{created['id']}/accept")["user_id"]

    assert user_id not in [row["user_id"] for row in ok("GET /api-keys")["data"]]


def test_a_user_who_accepts_joins_only_workspaces_that_are_left(ok, control, workspace):
    gone = ok("POST /admin/workspaces", {"name": "Gone"})["id"]
    grants = [{"id": id, "role": "member"} for id in (gone, workspace("Support"))]
    created = ok("POST /admin/users/invites", {**FARID, "workspaces": grants})
    ok(f"DELETE /admin/workspaces/{gone}", {"name": "Gone"})

    user_id = control(f"POST invites/{created['id']}/accept")["user_id"]

    assert len(ok(f"GET /admin/users/{user_id}")["workspace_ids"]) == 1
    assert ok(f"GET /admin/workspaces/{workspace('Support')}/users/{user_id}")["role"] == "member"


def test_the_last_owner_is_neither_deleted_nor_demoted(ok, send, emulator, user):
    ada = f"/admin/users/{user('Ada')}"

    for endpoint, body in ((f"DELETE {ada}", None), (f"PUT {ada}", {"role": "member"})):
        status, answer = send(endpoint, body, key="admin")
        assert (status, "last owner" in answer["data"]["message"]) == (400, True)
    assert ok(f"GET {ada}")["role"] == "owner"

    users = emulator.store.table("users")
    users.change(users[user("Ben")], {"role": "owner"})
    assert ok(f"PUT {ada}", {"role": "member"}) == {}


def test_an_address_is_invited_again_only_after_its_invitation_ended(ok, refused, control):
    first = ok("POST /admin/users/invites", FARID)["id"]

    assert refused("POST /admin/users/invites", FARID) == (409, "AB07")
    capitals = {**FARID, "email": FARID["email"].upper()}
    assert refused("POST /admin/users/invites", capitals) == (409, "AB07")
    ok(f"DELETE /admin/users/invites/{first}")
    ok("POST /admin/users/invites", FARID)
    control("POST clock", {"advance_s": 8 * 86_400})
    ok("POST /admin/users/invites", FARID)
