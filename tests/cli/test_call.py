"""`portkey-admin-mcp call`: on the sandbox, and on a fake Portkey that does not answer."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.cli.exit_codes import RATE_LIMITED
from portkey_admin_mcp.cli.output import Failed
from portkey_admin_mcp.cli.pages import Paging, paging_of, read_all
from portkey_admin_mcp.cli.tool_results import Result
from portkey_admin_mcp.clients.launcher import typed_command
from portkey_admin_mcp.portkey import retries
from portkey_admin_mcp.server.loading import load_offer
from programs import COMMAND, tree_environment

KEY = "a-key-of-the-tests"


def no_progress(_done, _total):
    pass


def json_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def error_of(result):
    """The error of a call in agent mode, which agrees with the exit code."""
    error = json.loads(result.stdout)["error"]
    assert error["exit_code"] == result.exit_code
    return error


@pytest.fixture
def growth(sandbox):
    """The id of a new workspace called Growth."""
    return json_of(sandbox("create_workspace", "name=Growth", "metadata.team=growth"))["id"]


def test_json_has_all_fields_and_a_table_those_that_one_needs_to_choose(run):
    rows = json_of(run("call", "list_workspaces", "--sandbox"))["data"]
    as_yaml = yaml.safe_load(run("call", "list_workspaces", "--sandbox", "-o", "yaml").stdout)
    table = run("call", "list_workspaces", "--sandbox", "-o", "table")
    chosen = run("call", "list_workspaces", "--sandbox", "-o", "csv", "fields=is_default")

    assert [row["id"] for row in as_yaml["data"]] == [row["id"] for row in rows]
    assert {"security_settings", "defaults"} <= rows[0].keys()
    assert "security_settings" not in table.stdout.splitlines()[0].split()
    assert "Fields that are not shown: " in table.stderr
    first = next(csv.DictReader(io.StringIO(chosen.stdout)))
    assert first.keys() == {"slug", "name", "is_default"}
    assert chosen.stderr == ""


def test_format_csv_is_the_same_as_the_option(run):
    as_argument = run("call", "list_workspaces", "--sandbox", "format=csv")

    assert as_argument.stdout == run("call", "list_workspaces", "--sandbox", "-o", "csv").stdout


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_format_csv_and_another_form_contradict_each_other(run, form):
    result = run("call", "list_workspaces", "--sandbox", "-o", form, "format=csv")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"format=csv contradicts -o {form}: leave one of them out" in result.stderr


def test_a_field_that_is_an_object_in_some_rows_has_only_the_columns_of_its_parts(run):
    words = ("list_api_keys", "--sandbox", "-o", "csv", "fields=name,usage_limits")
    header = run("call", *words).stdout.splitlines()[0].split(",")

    assert "usage_limits.credit_limit" in header
    assert "usage_limits" not in header


def test_the_journal_of_a_sandbox_is_listed_with_names_as_they_are(sandbox, run, tmp_path):
    state = ("--sandbox", "--state", str(tmp_path / "sandbox.sqlite"))
    before = run("journal", "list", *state)
    sandbox("create_workspace", "name=🔬 Lab")
    listed = run("journal", "list", *state)
    without = run("journal", "list", "--sandbox")

    assert "no change was made with --state yet" in before.stderr
    assert "  create_workspace  🔬 Lab  done\n" in listed.stdout
    assert (without.exit_code, "add --state FILE" in without.stderr) == (2, True)
    assert "add --sandbox" in run("journal", "list", *state[1:]).stderr
    assert run("journal", "verify", *state).exit_code == 0
    nothing = run("journal", "list")
    assert (nothing.exit_code, nothing.stderr) == (0, "No changes are recorded yet.\n")


def test_an_object_that_is_gone_is_not_called_by_the_name_that_it_did_not_get(sandbox, growth):
    never = {"PORTKEY_CONFIRM": "never"}
    sandbox("delete_workspace", f"workspace_id={growth}", **never)
    refused = sandbox("update_workspace", f"workspace_id={growth}", "name=Other", **never)
    newest, *_ = json_of(sandbox("list_changes"))["changes"]

    assert refused.exit_code in (4, 5)
    assert (newest["tool"], newest["object"]) == ("update_workspace", growth)


def test_calls_in_a_row_see_each_other_with_a_state_file(sandbox, growth, tmp_path):
    names = {row["name"] for row in json_of(sandbox("list_workspaces"))["data"]}
    changes = json_of(sandbox("list_changes"))["changes"]

    assert "Growth" in names
    assert [change["tool"] for change in changes] == ["create_workspace"]
    change = json_of(sandbox("get_change", f"change={changes[0]['change']}"))
    assert change["client"] == "portkey-admin-mcp call"
    assert json_of(sandbox("get_workspace", f"workspace_id={growth}"))["defaults"]["metadata"] == {
        "team": "growth"
    }


def test_without_a_state_file_each_call_has_its_own_sandbox(run):
    run("call", "create_workspace", "--sandbox", "name=Growth")

    assert "Growth" not in run("call", "list_workspaces", "--sandbox").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("list_workspace", "--sandbox"), 2, "Did you mean list_workspaces"),
        (("list_workspaces", "--sandbox", "nam=x"), 2, "did you mean name?"),
        (("list_workspaces", "--sandbox", "page_size=many"), 2, "page_size: "),
        (("get_workspace", "--sandbox"), 2, "workspace_id: is required"),
        (("get_workspace", "--sandbox", "workspace_id"), 2, "write name=value"),
        (("list_workspaces", "--state", "x.sqlite"), 2, "add --sandbox"),
        (("list_workspaces", "--sandbox", "--json", "-", "name=@-"), 2, "read once"),
        (("list_workspaces",), 3, "PORTKEY_API_KEY is not set"),
        (("list_workspaces", "--env-file", "no.env"), 3, "there is no file no.env"),
        (("list_workspaces", "--sandbox", "--state", "/"), 2, "is a directory"),
        (("get_virtual_key", "--sandbox", "slug=none"), 4, "Check the id"),
    ],
)
def test_a_wrong_call_is_refused_with_the_cure(run, arguments, code, message):
    result = run("call", *arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert error_of(run("call", *arguments, "--agent"))["exit_code"] == code


def test_a_key_without_the_scope_is_forbidden_and_a_wrong_one_is_not_a_key(run):
    result = run("call", "list_workspaces", "--sandbox", PORTKEY_API_KEY="scopeless")

    assert result.exit_code == 5
    assert "Use a key with the scopes" in result.stderr


@pytest.mark.parametrize(
    ("words", "is_told"), [(["list_configs"], True), (["get_user", "user_id=x"], False)]
)
def test_a_person_learns_like_an_agent_that_a_key_may_have_to_name_the_workspace(
    run, words, is_told
):
    key = {"PORTKEY_API_KEY": "admin" if is_told else "scopeless"}
    result = run("call", *words, "--sandbox", **key)
    error = error_of(run("call", *words, "--sandbox", "--agent", **key))

    assert result.exit_code == 5
    assert ("Or name the workspace: workspace_id=ID" in result.stderr) == is_told
    assert ("name the workspace (`workspace_id`)" in error["cure"]) == is_told


def test_a_state_file_of_another_program_is_refused(run, tmp_path):
    (tmp_path / "notes").write_text("x" * 4096)

    result = run("call", "list_workspaces", "--sandbox", "--state", str(tmp_path / "notes"))

    assert result.exit_code == 3
    assert "--state: " in result.stderr


@pytest.mark.parametrize("variable", ["PORTKEY_READ_ONLY", "PORTKEY_EXCLUDE_TOOLS"])
def test_a_tool_that_the_settings_exclude_is_refused(run, variable):
    value = {"PORTKEY_READ_ONLY": "true", "PORTKEY_EXCLUDE_TOOLS": "create_workspace"}[variable]

    result = run("call", "create_workspace", "--sandbox", "name=x", **{variable: value})

    assert result.exit_code == 7
    assert "is not offered with these settings: see PORTKEY_READ_ONLY" in result.stderr


def test_a_tool_mode_changes_nothing(run):
    assert json_of(run("call", "list_workspaces", "--sandbox", PORTKEY_TOOL_MODE="search"))["data"]


def test_arguments_come_from_json_and_words_win(sandbox):
    words = ("--json", "-", "name=Growth")
    created = sandbox("create_workspace", *words, PORTKEY_DRY_RUN="true")
    assert created.exit_code == 2  # there is nothing on standard input

    text = '{"name": "Other", "description": "Sells"}'
    workspace = json_of(sandbox("create_workspace", "--json", text, "name=Growth"))
    assert (workspace["name"], workspace["description"]) == ("Growth", "Sells")


def test_a_dry_run_sends_nothing(sandbox, growth):
    preview = json_of(sandbox("delete_workspace", "--dry-run", f"workspace_id={growth}"))
    read = sandbox("list_workspaces", "--dry-run")

    assert (preview["changes_nothing"], preview["risk"]) == (True, "high")
    assert growth in read.stdout
    assert "--dry-run does nothing here: list_workspaces only reads." in read.stderr


def test_a_dry_run_a_question_and_an_approval_have_one_text(sandbox, growth, run, tmp_path):
    call = ("delete_workspace", f"workspace_id={growth}")
    *lines, end = sandbox(*call, "--dry-run", "-o", "table").stdout.splitlines()
    sandbox(*call)
    approvals = run("approvals", "--sandbox").stdout

    assert lines[:2] == [
        f'Delete workspace: "Growth" (id "{growth}")',
        "Risk: high: what is deleted cannot be restored.",
    ]
    assert lines[-2].startswith("No members, API keys, configs, prompts, ")
    assert lines[-2].endswith(" or MCP servers depend on it.")
    assert lines[-1] == "Cannot be undone: what is deleted cannot be restored."
    assert end == "Nothing was sent. -o json shows the requests."
    assert "".join(f"  {line}\n" for line in lines) in approvals


def test_a_dry_run_shows_what_a_field_is_now_and_would_be(sandbox, growth):
    words = (f"workspace_id={growth}", "description=Sells", "--dry-run", "-o", "table")
    lines = sandbox("update_workspace", *words).stdout.splitlines()

    assert '- description: nothing → "Sells"' in lines, lines


def test_a_change_of_high_risk_needs_an_approval_where_nobody_can_be_asked(sandbox, growth, run):
    call = ("delete_workspace", f"workspace_id={growth}")
    refused = sandbox(*call)
    error = error_of(sandbox(*call, CLAUDECODE="1"))

    assert (refused.exit_code, refused.stdout) == (8, "")
    id = error["approval"]["id"]
    assert f"Approval id: {id}" in refused.stderr
    assert f"A person allows it: `{typed_command()} approve {id} --sandbox`" in refused.stderr
    assert error["kind"] == "needs_approval"
    assert error["preview"]["object"]["name"] == "Growth"
    assert growth in sandbox("list_workspaces").stdout
    waiting = json.loads(run("approvals", "--sandbox", "--json").stdout)["approvals"]
    assert [each["id"] for each in waiting] == [id]

    run("deny", id, "--sandbox", "--why", "still used")
    assert error_of(sandbox(*call, "--agent"))["message"].endswith("denied this: still used")


def test_a_freeze_and_a_policy_hold(sandbox, growth, run, tmp_path):
    policy = tmp_path / "policy.yaml"
    rule = {"action": "deny", "tool": "create_*", "principal": {"name": "local"}, "why": "Ask Mo."}
    policy.write_text(json.dumps({"default": "allow", "rules": [rule]}))
    denied = sandbox("create_workspace", "name=x", PORTKEY_POLICY_FILE=str(policy))
    run("freeze", "--sandbox", "--why", "an incident")
    frozen = sandbox("create_workspace", "name=x")

    assert (denied.exit_code, frozen.exit_code) == (7, 7)
    assert "Ask Mo." in denied.stderr
    assert "an incident" in frozen.stderr
    assert json_of(sandbox("list_workspaces"))["total"] == 4


def test_a_secret_goes_where_the_settings_say(sandbox, tmp_path):
    words = ("type=organisation", "sub_type=service", "name=CI", "scopes=logs.view")
    settings = {"PORTKEY_SECRET_SINK": "file", "PORTKEY_CONFIRM": "never"}
    created = json_of(sandbox("create_api_key", *words, **settings))

    assert Path(created["secret_file"]).stat().st_mode & 0o777 == 0o600
    assert "key" not in created or "*" in created["key"]


def test_a_secret_on_the_command_line_is_told(sandbox):
    words = ("provider_slug=openai", "name=x", "key=sk-visible", "slug=x")
    result = sandbox("create_virtual_key", *words, "--dry-run")

    assert "key=@FILE or key=@- takes it from a file" in result.stderr
    assert "sk-visible" not in result.output


def test_an_agent_gets_the_fields_that_a_model_gets_with_long_texts_marked(sandbox):
    rows = json_of(sandbox("list_workspaces", "--agent"))
    long = json_of(
        sandbox("create_workspace", "--agent", "name=Q", f"description={'do it. ' * 20}")
    )

    assert rows["more_fields"]
    first, *_, last = long
    assert (first[:6], last[:7], long[first]) == ("<data ", "</data ", "not instructions")


@pytest.mark.parametrize("output", [["-o", "json"], ["--agent"]])
def test_all_pages_are_read(sandbox, output):
    every = json_of(sandbox("list_api_keys", "--all", "page_size=3", *output))
    one = json_of(sandbox("list_api_keys", *output))

    rows = every["data"]
    assert [row["id"] for row in rows] == [row["id"] for row in one["data"]]
    assert (len(rows), every["has_more"]) == (every["total"], False)


def test_reading_all_pages_is_bounded_and_says_so(sandbox):
    result = sandbox("list_api_keys", "--all", "page_size=1", "--max-pages", "2")

    answer = json_of(result)
    assert (len(answer["data"]), answer["has_more"], answer["next_page"]) == (2, True, 2)
    assert "Stopped after 2 pages with 2 rows; more follow." in result.stderr
    assert "current_page=2" in result.stderr


def test_a_page_says_that_more_follow_and_what_has_no_pages_is_told(sandbox):
    page = sandbox("list_api_keys", "page_size=2", "-o", "table")
    workspace = ("get_workspace", "workspace_id=ws-shared-58dfba")
    whole = sandbox(*workspace, "--all")
    bounded = sandbox(*workspace, "--max-pages", "2")

    assert "2 of 8 rows; --all reads all pages." in page.stderr
    assert "--all does nothing here: get_workspace has no pages." in whole.stderr
    assert "--max-pages does nothing without --all." in bounded.stderr
    assert whole.exit_code == 0


async def test_a_list_that_changes_while_it_is_read_is_told():
    pages = [
        {"total": 4, "data": [1, 2], "has_more": True, "next_page": 1},
        {"total": 3, "data": [3], "has_more": False},
    ]
    counts = []

    async def call(arguments):
        return Result(pages[arguments.get("current_page", 0)], ["a note"])

    every = await read_all(
        call,
        {},
        Paging("current_page", "page_size", 2),
        "data",
        lambda done, total: counts.append((done, total)),
        9,
    )
    assert every.answer["data"] == [1, 2, 3]
    assert every.notes[0] == "a note"
    assert "Portkey counted 4 at first and 3 at last" in every.notes[1]
    assert counts == [(2, 4), (3, 3)]


async def test_a_page_that_cannot_be_read_says_where_to_go_on():
    async def call(arguments):
        if "current_page" in arguments:
            raise Failed(RATE_LIMITED, "Portkey answered 429.")
        return Result({"data": [1, 2], "has_more": True, "next_page": 1}, [])

    paging = Paging("current_page", "page_size", 2)
    with pytest.raises(Failed, match="2 rows were read before that; go on with current_page=1"):
        await read_all(call, {}, paging, "data", no_progress, 9)


async def test_without_a_count_a_page_that_is_not_full_is_the_last():
    pages = {0: [1, 2], 1: [3, 4], 2: [5]}

    async def call(arguments):
        return Result({"data": pages[arguments.get("page", 0)]}, [])

    every = await read_all(
        call, {"page_size": "2"}, Paging("page", "page_size", 9), "data", no_progress, 9
    )
    assert every == ({"data": [1, 2, 3, 4, 5]}, [])


async def test_a_cursor_is_followed():
    pages = {None: ([1], "x"), "x": ([2], "")}

    async def call(arguments):
        rows, following = pages[arguments.get("cursor")]
        return Result({"servers": rows, "metadata": {"nextCursor": following}}, [])

    paging = paging_of(load_offer().tools["list_mcp_registry"].input_schema["properties"])
    every = await read_all(call, {}, paging, "servers", no_progress, 9)
    assert every.answer["servers"] == [1, 2]


def test_every_tool_with_pages_can_be_read_in_pages():
    properties = [tool.input_schema["properties"] for tool in load_offer().tools.values()]
    with_pages = [each for each in properties if {"current_page", "page", "cursor"} & each.keys()]

    assert len(with_pages) > 30
    assert all(paging_of(each) is not None for each in with_pages)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments, **variables):
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [*COMMAND, *arguments], tree_environment(variables))
        self.shown = ""

    def wait_for(self, text):
        while text not in self.shown:
            self._read()

    def _read(self):
        ready, _, _ = select.select([self._terminal], [], [], 30)
        if not ready:
            os.kill(self.pid, signal.SIGKILL)
        assert ready, self.shown
        more = os.read(self._terminal, 65536).decode()
        self.shown += more
        return more

    def type(self, text):
        os.write(self._terminal, text.encode())

    def end(self):
        """The exit code, once all is read."""
        try:
            while self._read():
                pass
        except OSError:  # Linux says so that the terminal is closed
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.parametrize(
    ("typed", "seconds", "code", "message"),
    [
        ("Growth\n", 1.1, 0, "success"),
        ("Other\n", 1.1, 7, "the name that was typed is not 'Growth'"),
        ("\x03", 0, 7, "the user closed the question"),
    ],
    ids=["name", "another name", "Ctrl-C"],
)
def test_at_a_terminal_a_person_types_the_name(
    sandbox, growth, tmp_path, typed, seconds, code, message
):
    state = str(tmp_path / "sandbox.sqlite")
    terminal = Terminal(
        *("call", "delete_workspace", "--sandbox", "--state", state, f"workspace_id={growth}"),
        PORTKEY_STATE_DIR=str(tmp_path / "state"),
    )
    terminal.wait_for("To confirm, type its name: Growth\r\n> ")
    time.sleep(seconds)  # a faster reply is taken for a program's
    terminal.type(typed)

    assert terminal.end() == code, terminal.shown
    assert message in terminal.shown
    assert (growth in sandbox("list_workspaces").stdout) == (code != 0)


def test_a_long_read_shows_how_far_it_is_and_is_quiet_when_piped(run, tmp_path):
    arguments = ("call", "find_references", "--sandbox", "text=support", "-o", "json")
    terminal = Terminal(*arguments, PORTKEY_STATE_DIR=str(tmp_path), TERM="xterm")
    code = terminal.end()
    piped = run(*arguments)

    assert (code, piped.exit_code) == (0, 0)
    shown = re.sub(r"\x1b\[[\d;?]*\w", "", terminal.shown)
    assert re.search(r"find_references ━+ +[1-9]\d*/", shown), shown[:300]
    assert piped.stderr == ""


def test_a_terminal_that_an_agent_opened_is_not_asked(sandbox, growth, tmp_path):
    state = str(tmp_path / "sandbox.sqlite")
    terminal = Terminal(
        *("call", "delete_workspace", "--sandbox", "--state", state, f"workspace_id={growth}"),
        "--no-agent",
        PORTKEY_STATE_DIR=str(tmp_path / "state"),
        CURSOR_AGENT="1",
    )

    assert terminal.end() == 8
    assert "type its name" not in terminal.shown


@pytest.mark.parametrize(
    ("long_wait_s", "option", "is_told"),
    [(0.0, "--no-agent", True), (2.0, "--no-agent", False), (0.0, "--agent", False)],
)
def test_a_person_is_told_before_a_long_wait(run, monkeypatch, long_wait_s, option, is_told):
    monkeypatch.setattr(retries, "LONG_WAIT_S", long_wait_s)
    with FakePortkey() as portkey:
        portkey.script([Answer(429, headers={"retry-after": "0"}), Answer(body={"data": []})])

        result = run("call", "list_workspaces", option, PORTKEY_API_KEY=KEY, **portkey.settings)

    assert result.exit_code == 0, result.output
    told = "Note: GET /admin/workspaces was answered 429; it is sent again in 0 s.\n"
    assert result.stderr == (told if is_told else "")
    assert "sent again" not in result.stdout


@pytest.mark.parametrize(
    ("tool", "number", "code", "message"),
    [
        ("create_workspace", signal.SIGINT, 11, "POST /admin/workspaces was sent, and may have"),
        ("create_workspace", signal.SIGTERM, 11, "POST /admin/workspaces was sent, and may have"),
        ("list_workspaces", signal.SIGINT, 130, "Nothing was changed."),
    ],
)
def test_who_stops_a_call_learns_whether_anything_may_have_changed(
    tmp_path, tool, number, code, message
):
    with FakePortkey() as portkey:
        portkey.script(["silence"])
        process = subprocess.Popen(
            [*COMMAND, "call", tool, "name=Growth", "--agent"],
            env=tree_environment(
                {"PORTKEY_API_KEY": KEY, "PORTKEY_STATE_DIR": str(tmp_path), **portkey.settings}
            ),
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            deadline = time.monotonic() + 30
            while not portkey.requests:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.005)
            process.send_signal(number)
            shown = process.stdout.read()

    error = json.loads(shown)["error"]
    assert (process.returncode, error["exit_code"]) == (code, code)
    assert message in f"{error['message']} {error['cure']}"
