"""Secret references in the emulator."""

import pytest

BODY = {
    "name": "A",
    "manager_type": "aws_sm",
    "auth_config": {"aws_region": "eu-west-1"},
    "secret_path": "a",
}
PATH = "/secret-references"


@pytest.mark.parametrize("missing", BODY)
def test_a_reference_must_be_whole(refused, missing):
    assert refused(f"POST {PATH}", {**BODY, missing: None}) == (400, "AB01")


def test_a_slug_is_taken_once_and_no_workspace_is_too_few(refused):
    assert refused(f"POST {PATH}", {**BODY, "slug": "openai-key"}) == (400, "AB01")
    assert refused(f"POST {PATH}", {**BODY, "allowed_workspaces": []}) == (400, "AB01")
    assert refused(f"POST {PATH}", {**BODY, "allowed_workspaces": ["ws-none"]}) == (403, "AB03")


def test_a_page_has_20_unless_another_size_is_asked_for(said):
    for number in range(25):
        said(f"POST {PATH}", {**BODY, "name": f"A{number}"})

    assert len(said(f"GET {PATH}")["data"]) == 20
    assert len(said(f"GET {PATH}?page_size=26")["data"]) == 26


def test_an_update_of_nothing_is_refused(refused):
    assert refused(f"PUT {PATH}/openai-key", {}) == (400, "AB01")
