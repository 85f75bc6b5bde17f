"""Deployments in the emulator."""

PATH = "/v2/deployments"


def test_deployments_lie_outside_v1(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}

    assert emulator.answer("GET", PATH, headers, b"")[0] == 200
    assert emulator.answer("GET", f"/v1{PATH}", headers, b"")[0] == 404


def test_a_slug_is_taken_once(emulator):
    headers = {"x-portkey-api-key": emulator.keys()["admin"]}
    body = b'{"name": "A", "slug": "a"}'

    assert emulator.answer("POST", PATH, headers, body)[0] == 200
    assert emulator.answer("POST", PATH, headers, body)[0] == 409
    assert emulator.answer("POST", PATH, headers, b'{"slug": "b"}')[0] == 400
