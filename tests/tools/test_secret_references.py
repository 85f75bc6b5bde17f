"""Secret references, as a model sees them."""

import pytest

VAULT = {
    "vault_auth_type": "token",
    "vault_addr": "https://vault.example",
    "vault_token": "hvs.not-a-token",
}
DRAFT = {
    "name": "Anthropic key",
    "manager_type": "hashicorp_vault",
    "auth_config": VAULT,
    "secret_path": "kv/anthropic",
}


async def test_a_reference_is_made_read_changed_listed_and_deleted(ask, refusal):
    created = await ask("create_secret_reference", **DRAFT, slug="anthropic", tags={"team": "x"})
    await ask("update_secret_reference", id="anthropic", secret_key="key", tags=None)
    read = await ask("get_secret_reference", id=created["id"])
    listed = await ask("list_secret_references", search="anthropic")

    assert (read["secret_key"], read["tags"], read["status"]) == ("key", None, "ACTIVE")
    assert read["auth_config"] == {
        "vault_auth_type": "token",
        "vault_addr": "https://vault.example",
        "masked_vault_token": "hv*****",
    }
    assert [row["slug"] for row in listed["data"]] == ["anthropic"]

    await ask("delete_secret_reference", id="anthropic")
    assert "403" in await refusal("get_secret_reference", id="anthropic")


async def test_new_credentials_are_merged_with_the_old(ask, emulator):
    created = await ask("create_secret_reference", **DRAFT)

    await ask("update_secret_reference", id=created["id"], auth_config={"vault_token": "hvs.new"})

    stored = emulator.store.table("secret_references")[created["id"]]["auth_config"]
    assert stored == {**VAULT, "vault_token": "hvs.new"}


async def test_tags_are_matched_as_an_object_or_as_text(ask):
    as_object = await ask("list_secret_references", tags={"team": "platform"})
    as_text = await ask("list_secret_references", tags='{"team": "platform"}')

    assert [row["slug"] for row in as_object["data"]] == ["openai-key"]
    assert as_text == as_object


async def test_workspaces_are_named_or_all(ask, emulator, refusal, workspace):
    created = await ask(
        "create_secret_reference", **DRAFT, allowed_workspaces=[workspace("Support")]
    )
    some = await ask("get_secret_reference", id=created["id"])
    stored = emulator.store.table("secret_references")[created["id"]]
    assert stored["_allowed_workspaces"] == [workspace("Support")]
    await ask("update_secret_reference", id=created["id"], allow_all_workspaces=True)
    every = await ask("get_secret_reference", id=created["id"])

    assert (some["allow_all_workspaces"], every["allow_all_workspaces"]) == (False, True)
    stored = emulator.store.table("secret_references")[created["id"]]
    assert stored["_allowed_workspaces"] == []
    both = {"allow_all_workspaces": True, "allowed_workspaces": ["ws"]}
    assert "not both" in await refusal("create_secret_reference", **DRAFT, **both)


async def test_a_reference_in_use_stays(ask, refusal, workspace):
    mapping = {"target_field": "key", "secret_reference_id": "openai-key"}
    await ask(
        "create_virtual_key",
        name="Mapped",
        provider="openai",
        secret_mappings=[mapping],
        workspace_id=workspace("Support"),
    )

    advice = await refusal("delete_secret_reference", id="openai-key")

    assert "400" in advice
    assert "virtual key" in advice


@pytest.mark.parametrize("arguments", [{}, {"slug": "x"}])
async def test_an_update_of_nothing_is_not_sent(refusal, emulator, arguments):
    assert await refusal("update_secret_reference", id="openai-key", **arguments)
    assert list(emulator.log) == []
