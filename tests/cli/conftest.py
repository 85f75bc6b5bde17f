"""Commands are tested as a person runs them, whoever runs the tests."""

import logging

import pytest
from click.testing import CliRunner

from portkey_admin_mcp.cli.agents import AGENT_VARIABLES
from portkey_admin_mcp.cli.command_line import main


@pytest.fixture(autouse=True)
def no_agent(monkeypatch):
    """No variable marks the shell of the tests as that of an agent."""
    for name in AGENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command in this process: `run("call", "whoami", "--sandbox", PORTKEY_API_KEY="…")`."""
    monkeypatch.setenv("PORTKEY_STATE_DIR", str(tmp_path / "state"))
    root, ours = logging.getLogger(), logging.getLogger("portkey_admin_mcp")
    before = root.handlers[:], root.level, ours.level

    def invoke(*arguments, input=None, **variables):
        return CliRunner().invoke(main, arguments, input=input, env=variables)

    yield invoke
    root.handlers[:], root.level, ours.level = before


@pytest.fixture
def sandbox(run, tmp_path):
    """Call a tool in a sandbox that lasts as long as the test: `sandbox("list_configs")`."""

    def call(tool, *words, **variables):
        state = ("--sandbox", "--state", str(tmp_path / "sandbox.sqlite"))
        return run("call", tool, *state, *words, **variables)

    return call
