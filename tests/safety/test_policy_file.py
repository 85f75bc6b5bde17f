"""A policy file: what it may say, and what its errors say."""

import logging
import signal

import pytest

from portkey_admin_mcp import assembly
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.safety.policy import Rule
from portkey_admin_mcp.safety.policy_file import PolicySource, parse_policy, read_policy
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import offer

TOOLS = tuple(offer().tools)


def parse(text):
    return parse_policy(text, "policy.yaml", TOOLS)


def test_every_condition_is_read_as_one_value_or_as_a_list():
    policy = parse(
        """
        default: deny
        rules:
          - action: allow
            tool: list_*
            toolset: [users, mcp]
            effect: read
            risk: [low, medium]
            workspace: ws-a
            principal:
              name: "bearer:*"
              role: [dev, ops]
              claim: {team: Platform, level: [1, 2], staff: true}
            why: " They may read. "
          - action: deny
        """
    )

    assert policy.default == "deny"
    assert policy.rules[0] == Rule(
        "allow",
        tools=frozenset({"list_*"}),
        toolsets=frozenset({"users", "mcp"}),
        effects=frozenset({"read"}),
        risks=frozenset({"low", "medium"}),
        workspaces=frozenset({"ws-a"}),
        principals=frozenset({"bearer:*"}),
        roles=frozenset({"dev", "ops"}),
        claims={
            "team": frozenset({"Platform"}),
            "level": frozenset({"1", "2"}),
            "staff": frozenset({"true"}),
        },
        why="They may read.",
        place="policy.yaml:4",
    )
    assert policy.rules[1] == Rule("deny", place="policy.yaml:15")


@pytest.mark.parametrize("text", ["", "# nothing", "default: allow", "rules: []"])
def test_a_file_without_rules_allows_everything(text):
    assert parse(text).rules == ()
    assert parse(text).default == "allow"


RULE = "rules:\n  - action: deny\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "default: alow",
            "policy.yaml:1: default: 'alow' is not one of allow, deny; did you mean allow?",
        ),
        (
            "rule: []",
            "policy.yaml:1: rule: there is no such field; did you mean rules?",
        ),
        (
            "zzz: []",
            "policy.yaml:1: zzz: there is no such field; there are default, rules",
        ),
        (
            "rules:\n  - effect: read",
            "policy.yaml:2: rules[0].action: is required: allow, confirm, deny",
        ),
        (
            "rules:\n  - action: dney",
            "policy.yaml:2: rules[0].action: 'dney' is not one of allow, confirm, deny; did "
            "you mean deny?",
        ),
        (
            RULE + "    tol: x",
            "policy.yaml:3: rules[0].tol: there is no such field; did you mean tool?",
        ),
        (
            RULE + "    effect: [read,\n      writes]",
            "policy.yaml:4: rules[0].effect[1]: 'writes' is not one of read, create, "
            "overwrite, delete",
        ),
        (
            RULE + "    risk: zzzzzz",
            "policy.yaml:3: rules[0].risk[0]: 'zzzzzz' is not one of low, medium, high\n",
        ),
        (
            RULE + "    risk: hgh",
            "policy.yaml:3: rules[0].risk[0]: 'hgh' is not one of low, medium, high; did you "
            "mean high?",
        ),
        (
            RULE + "    tool: list_confgs",
            "policy.yaml:3: rules[0].tool[0]: no tool is called 'list_confgs'; did you mean "
            "list_configs",
        ),
        (
            RULE + "    tool: [get_config, 'erase_*']",
            "policy.yaml:3: rules[0].tool[1]: no tool is called 'erase_*'",
        ),
        (
            RULE + "    tool: zzzzzz",
            "no tool is called 'zzzzzz'; `portkey-admin-mcp tools` lists them all",
        ),
        (
            RULE + "    toolset: user",
            "policy.yaml:3: rules[0].toolset[0]: there is no 'user'; did you mean users",
        ),
        (
            RULE + "    toolset: zzzzzz",
            "there is no 'zzzzzz'; there are users, workspaces",
        ),
        (
            RULE + "    principal:\n      nam: x",
            "policy.yaml:4: rules[0].principal.nam: there is no such field; did you mean name?",
        ),
        (
            RULE + "    tool: []",
            "policy.yaml:3: rules[0].tool: is empty; name at least one",
        ),
        (
            RULE + "    workspace: ['']",
            "rules[0].workspace[0]: is empty; name at least one",
        ),
        (
            RULE + "    principal: {claim: {}}",
            "rules[0].principal.claim: is empty",
        ),
        (
            RULE + "    principal: {claim: team}",
            "rules[0].principal.claim: input should be a valid dictionary",
        ),
        (
            "- action: deny",
            "policy.yaml:1: the file: input should be a valid dictionary",
        ),
        (
            "rules: 3",
            "policy.yaml:1: rules: input should be a valid list",
        ),
        (
            RULE + "    effect: read\n    effect: delete",
            "policy.yaml:3: rules[0].effect: is written twice",
        ),
        (
            "default: deny\nrules: ]",
            "policy.yaml:2: this is no YAML: ",
        ),
        (
            "rules: !!python/object:os.system x",
            "this is no YAML: ",
        ),
        (
            b"\xff\xfe\xff",
            "policy.yaml: this is no YAML: ",
        ),
        (
            "&a [*a]",
            "policy.yaml",
        ),
        (
            "\u0000",
            "policy.yaml",
        ),
    ],
)
def test_an_error_names_the_line_the_field_and_what_is_right(text, message):
    with pytest.raises(ConfigurationError) as error:
        parse(text)

    assert message in f"{error.value}\n"


def test_of_many_mistakes_the_first_five_are_named():
    with pytest.raises(ConfigurationError) as error:
        parse("rules:\n" + "  - action: nothing\n" * 7)

    *lines, last = str(error.value).split("\n")
    assert (len(lines), last) == (5, "… and 2 more")


def test_a_file_that_cannot_be_read_refuses_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match=r"missing\.yaml cannot be read"):
        read_policy(tmp_path / "missing.yaml", TOOLS)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigurationError, match="is larger than 1000000 bytes"):
        read_policy(large, TOOLS)
    large.write_bytes(b"#" * 1_000_000)
    assert read_policy(large, TOOLS).rules == ()


def test_at_a_hangup_the_file_is_read_again_and_a_wrong_one_keeps_the_old(tmp_path, caplog):
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{action: deny, tool: list_configs}]")
    old = signal.getsignal(signal.SIGHUP)
    try:
        guard = assembly.policy_guard(SafetySettings(PORTKEY_POLICY_FILE=str(file)))
        before = guard.source.policy
        file.write_text("rules: [{action: dney}]")
        signal.raise_signal(signal.SIGHUP)
        assert guard.source.policy is before
        assert "policy.yaml:1: rules[0].action: 'dney'" in caplog.text

        file.write_text("rules: []")
        caplog.set_level(logging.WARNING)
        signal.raise_signal(signal.SIGHUP)
        assert guard.source.policy.rules == ()
        assert "read the policy again: 0 rules" in caplog.text
    finally:
        signal.signal(signal.SIGHUP, old)


def test_a_wrong_file_refuses_the_start(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("rules: 3")

    with pytest.raises(ConfigurationError, match=r"policy\.yaml:1: rules: "):
        assembly.policy_guard(SafetySettings(PORTKEY_POLICY_FILE=str(file)))


@pytest.mark.parametrize(("confirm", "warns"), [("never", True), ("auto", False)])
def test_confirm_rules_beside_a_setting_that_never_asks_are_said_at_the_start(
    tmp_path, caplog, confirm, warns
):
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{action: confirm}]")
    old = signal.getsignal(signal.SIGHUP)
    try:
        assembly.policy_guard(
            SafetySettings(PORTKEY_POLICY_FILE=str(file), PORTKEY_CONFIRM=confirm)
        )
    finally:
        signal.signal(signal.SIGHUP, old)

    assert ("the rules with `action: confirm`" in caplog.text) is warns


def test_without_a_file_or_workspaces_there_is_no_policy():
    assert assembly.policy_guard(SafetySettings()) is None
    assert assembly.policy_guard(SafetySettings(PORTKEY_WORKSPACES="a, b")).workspaces == ("a", "b")


def test_the_source_asks_for_the_names_of_tools_each_time(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{action: deny, tool: new_tool}]")
    names = ["new_tool"]
    source = PolicySource(file, lambda: names)
    names.clear()
    source.reload()

    assert len(source.policy.rules) == 1


def test_of_five_mistakes_none_is_left_out():
    with pytest.raises(ConfigurationError) as error:
        parse("rules:\n" + "  - action: nothing\n" * 5)

    assert "more" not in str(error.value)
