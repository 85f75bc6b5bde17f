"""Deployments in the emulator."""

PATH = "/v2/deployments"


def test_deployments_lie_outside_v1(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}

    assert emulator.answer("GET", PATH, headers, b"")[0] == 200
    assert emulator.answer("GET", f"/v1{PATH}", headers, b"")[0] == 404


def test_a_slug_is_unique(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["admin"]}
    body = b'{"name": "A", "slug": "a"}'

    assert emulator.answer("POST", PATH, headers, body)[0] == 200
    assert emulator.answer("POST", PATH, headers, body)[0] == 409
    assert emulator.answer("POST", PATH, headers, b'{"slug": "b"}')[0] == 400


def test_null_does_not_clear_what_a_deployment_needs(refused, ok):
    (row,) = ok(f"GET {PATH}")["data"]

    for field in ("name", "type", "status", "is_default"):
        assert refused(f"PUT {PATH}/{row['id']}", {field: None}) == (400, "AB01")
    assert ok(f"GET {PATH}?search=europe")["data"] == [row]


def test_tags_to_match_are_an_object(refused):
    assert refused(f"GET {PATH}?tags=[1]") == (400, "AB01")


def test_another_organisation_is_refused(refused, ok):
    (row,) = ok(f"GET {PATH}")["data"]
    other = "organisation_id=other"

    assert refused(f"GET {PATH}?{other}") == (403, "AB03")
    assert refused(f"GET {PATH}/{row['id']}?{other}") == (403, "AB03")
    assert refused(f"POST {PATH}", {"name": "A", "organisation_id": "other"}) == (403, "AB03")


def test_one_deployment_at_most_is_the_default(ok):
    first, second = (ok(f"POST {PATH}", {"name": name, "is_default": True})["id"] for name in "AB")

    def default():
        return [row["id"] for row in ok(f"GET {PATH}")["data"] if row["is_default"]]

    assert default() == [second]
    ok(f"PUT {PATH}/{first}", {"is_default": True})
    assert default() == [first]


def test_a_change_keeps_the_other_settings_and_shows_no_secret_without_a_rotation(ok):
    settings = {"gateway_base_url": "https://gateway.example", "workspaces_allowed": ["a"]}
    body = {"name": "A", "type": "non_production", "auth_settings": settings}
    created = ok(f"POST {PATH}", body)
    path = f"{PATH}/{created['id']}"

    changed = ok(f"PUT {path}", {"name": "B", "override_existing": True})
    rotated = ok(f"PUT {path}", {"rotate_auth": True})

    assert changed["type"] == "non_production"
    assert changed["auth_settings"] == created["auth_settings"]
    secrets = [answer["credentials"]["client_auth"] for answer in (created, changed, rotated)]
    assert ["*****" in secret for secret in secrets] == [False, True, False]
    assert secrets[0] != secrets[2]
