"""`policy check` and `policy explain`: what a file says of a call, and by which rule."""

import pytest
from click.testing import CliRunner

from portkey_admin_mcp.cli.command_line import main

POLICY = """\
default: deny
rules:
  - action: allow
    effect: [read, overwrite, delete]
  - action: deny
    tool: "delete_*"
    principal: {role: viewer, claim: {team: red}}
    why: Viewers delete nothing.
  - action: confirm
    risk: high
    why: It cannot be undone.
  - action: deny
    tool: update_config
    workspace: ws-prod
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def policy(file):
    """Run `policy` with these words, and with PORTKEY_POLICY_FILE set unless `env` says else."""

    def run(*words, env=None):
        set_here = {"PORTKEY_POLICY_FILE": str(file)} if env is None else env
        return CliRunner().invoke(main, ["policy", *words], env=set_here)

    return run


def test_check_says_that_a_file_is_right(policy, file):
    result = policy("check", str(file))

    assert (result.exit_code, result.output) == (0, f"{file} is right: 4 rules\n")


def test_check_names_each_mistake_with_its_line(policy, file):
    file.write_text("rules:\n  - action: dney\n")
    result = policy("check", str(file))

    assert result.exit_code == 1
    assert "policy.yaml:2: rules[0].action: 'dney' is not one of allow, confirm, deny" in (
        result.output
    )


VIEWER = ("--as", "bearer:ci", "--role", "viewer", "--claim", "team=red")


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["get_config"], ["get_config: allowed", "  by policy.yaml:3"]),
        (["create_config"], ["create_config: denied", "  by the default of the policy"]),
        (
            ["delete_config", *VIEWER],
            ["delete_config: denied", "  by policy.yaml:5", "  because Viewers delete nothing."],
        ),
        (["delete_config", "--role", "viewer"], ["delete_config: allowed", "  by policy.yaml:3"]),
        (
            ["delete_user"],
            [
                "delete_user: allowed once a person confirms it",
                "  by policy.yaml:9",
                "  because It cannot be undone.",
            ],
        ),
        (
            ["update_config"],
            [
                "update_config: denied",
                "  by policy.yaml:12",
                "  without --workspace, as if the workspace were not known",
            ],
        ),
        (
            ["update_config", "--workspace", "ws-a", "--arguments", '{"slug": "a", "name": "b"}'],
            ["update_config: allowed", "  by policy.yaml:3"],
        ),
    ],
)
def test_explain_says_what_happens_by_which_rule_and_why(policy, words, lines):
    result = policy("explain", *words)

    assert (result.exit_code, result.output.splitlines()) == (0, lines)


def test_the_arguments_of_a_call_decide_its_risk(policy):
    call = ["explain", "update_workspace"]
    harmless = policy(*call, "--arguments", '{"workspace_id": "a", "description": "b"}')
    wrong = policy(*call, "--arguments", '{"workspace": "a"}')

    assert harmless.output.startswith("update_workspace: allowed\n")
    assert wrong.exit_code == 1
    assert "workspace_id" in wrong.output


def test_explain_says_if_the_settings_never_ask(policy, file):
    env = {"PORTKEY_POLICY_FILE": str(file), "PORTKEY_CONFIRM": "never"}

    assert "but PORTKEY_CONFIRM is never, so nobody is asked" in (
        policy("explain", "delete_user", env=env).output
    )


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["list_all_users"], "denied\n  by PORTKEY_WORKSPACES: it is about the whole organisation"),
        (["get_config", "--workspace", "ws-b"], "denied\n  by PORTKEY_WORKSPACES: ws-b is another"),
        (["get_config", "--workspace", "ws-a"], "get_config: allowed"),
        (["get_config"], "get_config: allowed"),
        (["get_model_pricing", "--workspace", "ws-b"], "get_model_pricing: allowed"),
    ],
)
def test_explain_knows_the_bound_on_workspaces(policy, file, words, output):
    env = {"PORTKEY_POLICY_FILE": str(file), "PORTKEY_WORKSPACES": "ws-a"}

    assert output in policy("explain", *words, env=env).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get_confg"], "There is no tool 'get_confg'. did you mean get_config"),
        (["get_config", "--arguments", "["], "--arguments takes a JSON object"),
        (["get_config", "--arguments", "[]"], "--arguments takes a JSON object"),
        (["get_config", "--claim", "team"], "--claim takes NAME=VALUE"),
        (["get_config", "--claim", "=red"], "--claim takes NAME=VALUE"),
    ],
)
def test_a_wrong_word_is_named(policy, words, message):
    result = policy("explain", *words)

    assert result.exit_code != 0
    assert message in result.output


def test_explain_needs_a_policy_and_takes_another_file(policy, file):
    without = policy("explain", "get_config", env={})
    named = policy("explain", "get_config", "--file", str(file), env={})
    wrong = policy("explain", "get_config", env={"PORTKEY_CONFIRM": "perhaps"})

    assert "Set PORTKEY_POLICY_FILE, or name a policy with --file." in without.output
    assert named.output.startswith("get_config: allowed")
    assert (wrong.exit_code, "PORTKEY_CONFIRM" in wrong.output) == (1, True)


@pytest.mark.parametrize(
    ("env", "tool", "setting"),
    [
        ({"PORTKEY_READ_ONLY": "true"}, "delete_config", "PORTKEY_READ_ONLY"),
        ({"PORTKEY_TOOLSETS": "users"}, "get_config", "PORTKEY_TOOLSETS"),
        ({"PORTKEY_EXCLUDE_TOOLS": "get_config"}, "get_config", "PORTKEY_EXCLUDE_TOOLS"),
    ],
)
def test_explain_knows_what_is_not_offered(policy, file, env, tool, setting):
    result = policy("explain", tool, env={"PORTKEY_POLICY_FILE": str(file), **env})
    first, second = result.output.splitlines()

    assert first == f"{tool}: not offered, so it cannot be called"
    assert setting in second
    assert "not offered" not in policy("explain", tool).output
