"""What an execution that breaks off tells of its write calls."""

import pytest

from portkey_admin_mcp.errors import OutcomeUnknown, UnexpectedAnswer
from portkey_admin_mcp.server.calls.failures import ADVICE
from portkey_admin_mcp.server.calls.outcome import Outcome
from portkey_admin_mcp.server.modes.writes import MAX_NAMED, Writes
from servers import offer

READ_FIRST = "Read the state before you repeat any."


def refused(text):
    return Outcome([text], is_error=True)


def report(*calls):
    """The report on calls: a name, arguments, and an outcome or None if it is not known yet."""
    writes = Writes()
    for name, arguments, outcome in calls:
        write = writes.begin(offer().tools[name], arguments)
        if outcome is not None:
            writes.end(write, outcome)
    return writes.report()


def test_of_many_writes_the_first_are_named_and_the_others_counted():
    teams = [
        ("create_workspace", {"name": f"Team {n}"}, Outcome([""], {"id": "x", "slug": f"ws-{n}"}))
        for n in range(44)
    ]
    deletion = ("delete_config", {"slug": "pc-a"}, Outcome([""], {}))

    text = report(*teams, deletion)

    assert text.startswith(
        "Carried out before: create_workspace (44): Team 0 → ws-0, Team 1 → ws-1"
    )
    assert text.count("→") == MAX_NAMED
    assert text.endswith(f"and 24 more; delete_config (1).\n{READ_FIRST}")


@pytest.mark.parametrize(
    ("name", "arguments", "subject"),
    [
        (
            "add_workspace_member",
            {"workspace_id": "ws-a", "user_id": "u", "role": "admin"},
            "ws-a u",
        ),
        ("invite_user", {"email": "a@b.example", "role": "member"}, "a@b.example"),
        ("update_config", {"slug": "pc-a", "name": "New\nname"}, "pc-a New name"),
        ("delete_config", {"slug": "x" * 1_000}, "x" * 60 + "…"),
    ],
)
def test_a_write_is_named_by_what_identifies_it(name, arguments, subject):
    text = report((name, arguments, Outcome(["{}"], {"id": "other"})))

    assert text == f"Carried out before: {name} (1): {subject}.\n{READ_FIRST}"


def test_no_secret_and_no_key_id_is_named():
    keys = {"key": "sk-1", "aws_access_key_id": "AKIA1", "aws_secret_access_key": "s3"}
    arguments = {"name": "Bedrock", "ai_provider_id": "bedrock", **keys}

    text = report(("create_integration", arguments, Outcome(["{}"], {"slug": "bedrock-1"})))

    assert text.startswith(
        "Carried out before: create_integration (1): Bedrock bedrock → bedrock-1."
    )
    assert not any(value in text for value in keys.values())


@pytest.mark.parametrize(
    ("outcome", "beginning"),
    [
        (None, "May have taken effect, the outcome is unknown: delete_config (1): pc-a."),
        (refused(f"502\n{ADVICE[OutcomeUnknown]}"), "May have taken effect"),
        (
            refused("Done before: made a version. Failed: publishing.\nRetry."),
            "May have taken effect",
        ),
        (refused("Error calling tool 'delete_config'"), "May have taken effect"),
        (refused(f"no JSON\n{ADVICE[UnexpectedAnswer]}"), "Carried out before: delete_config"),
        (refused("Nothing was changed."), ""),
    ],
)
def test_a_failed_write_is_told_unless_it_had_no_effect(outcome, beginning):
    text = report(("delete_config", {"slug": "pc-a"}, outcome))

    assert text.startswith(beginning)
    assert bool(text) == bool(beginning)
