"""`portkey-admin-mcp tools`."""

import json

import pytest
from click.testing import CliRunner

from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.server.loading import load_offer


@pytest.fixture
def run(monkeypatch):
    def run(*arguments, **variables):
        return CliRunner().invoke(main, ["tools", *arguments], env=variables)

    return run


def test_the_digest_is_that_of_the_offer(run):
    assert run("--digest").output.strip() == load_offer().digest
    assert run("--digest", PORTKEY_TOOLSETS="configs").output.strip() != load_offer().digest


def test_tools_are_listed_with_their_effect(run):
    lines = run("--domain", "configs").output.splitlines()

    assert lines[0].split()[:2] == ["list_configs", "read"]
    assert len(lines) == sum(t.domain == "configs" for t in load_offer().tools.values())
    assert json.loads(run("--domain", "configs", "--json").output)[0]["name"] == "list_configs"


def test_a_wrong_domain_or_setting_is_a_sentence(run):
    wrong = run("--domain", "config")
    setting = run(PORTKEY_TOOLSETS="nothing")

    assert wrong.exit_code == 2
    assert "there is no domain 'config'; there are" in wrong.output
    assert setting.exit_code == 3
    assert "PORTKEY_TOOLSETS" in setting.output
