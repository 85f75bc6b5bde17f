"""Self-hosted gateways, as a model sees them."""

import pytest


async def test_a_gateway_is_registered_read_changed_listed_and_archived(ask, emulator):
    created = await ask(
        "register_deployment",
        name="America",
        gateway_base_url="https://us.acme.example",
        is_dataservice_hosted=1,
        workspaces_allowed="ws-a,ws-b",
        tags={"region": "us"},
    )
    name = {"id": created["id"]}
    await ask(
        "update_deployment", **name, type="non_production", remove_workspaces_allowed=["ws-a"]
    )
    read = await ask("get_deployment", **name)
    listed = await ask("list_deployments", tags={"region": "us"}, workspace_slug=["ws-b"])

    assert read["auth_settings"] == {
        "gateway_base_url": "https://us.acme.example",
        "is_dataservice_hosted": 1,
        "workspaces_allowed": ["ws-b"],
    }
    assert read["type"] == "non_production"
    assert [row["id"] for row in listed["data"]] == [created["id"]]
    assert emulator.log[-1] == "GET /v2/deployments"

    await ask("archive_deployment", **name)
    assert (await ask("list_deployments"))["total"] == 1
    assert (await ask("list_deployments", status="archived"))["data"][0]["id"] == created["id"]


async def test_credentials_are_shown_once_and_again_when_they_are_rotated(ask):
    created = await ask("register_deployment", name="Asia")
    read = await ask("get_deployment", id=created["id"])
    rotated = await ask("update_deployment", id=created["id"], rotate_auth=True)

    secret, new = created["credentials"]["client_auth"], rotated["credentials"]["client_auth"]
    assert "*****" not in secret + new
    assert secret != new
    assert read["credentials"]["client_auth"] == f"{secret[:2]}*****{secret[-3:]}"


@pytest.mark.parametrize("flag", [2, "yes"])
async def test_a_flag_is_0_or_1(refusal, flag):
    advice = await refusal("register_deployment", name="x", is_dataservice_hosted=flag)

    assert "is_dataservice_hosted" in advice
