"""Commands are tested as a person runs them, whoever runs the tests."""

import pytest

from portkey_admin_mcp.cli.agents import AGENT_VARIABLES


@pytest.fixture(autouse=True)
def no_agent(monkeypatch):
    """No variable marks the shell of the tests as that of an agent."""
    for name in AGENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
