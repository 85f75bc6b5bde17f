"""What is offered: the manifest, what is left of it, and that a manifest out of date is noticed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import portkey_admin_mcp
from initialization import INITIALIZE
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.definitions import all_tools, build_offer, describe
from portkey_admin_mcp.server.offer.offer import LISTS, ListedTool, Offer
from portkey_admin_mcp.server.offer.toolsets import limited_to

PACKAGE = Path(portkey_admin_mcp.__file__).parent
NEW_TOOL = '''

@tool("GET /collections/{{collection_id}}/new", scope="collections.read")
async def {name}(api: Portkey, collection_id: CollectionRef) -> Collection:
    """Read something new of a collection."""
    ...
'''


def names_in(offer, method="tools/list"):
    (field,) = json.loads(b"{%b}" % offer.lists[method]).items()
    return [each["name"] for each in field[1]]


def test_the_manifest_holds_every_tool_as_it_is_described_now():
    offer = load_offer()

    assert [*offer.tools] == [tool.name for tool in all_tools()]
    for tool in all_tools():
        assert offer.tools[tool.name].definition == describe(tool)


@pytest.fixture
def changed_tree(tmp_path):
    """A checkout in which a file was changed, with a new tool if one is named; list and call it."""

    def with_tool(name):
        tree = tmp_path / "src" / "portkey_admin_mcp"
        (tmp_path / ".git").mkdir(exist_ok=True)
        # With the compiled modules, which are valid for the copies: to compile all takes a second.
        shutil.copytree(PACKAGE, tree, dirs_exist_ok=True)
        file = tree / "tools" / "collections.py"
        text = file.read_text(encoding="utf-8")
        file.write_text(text + NEW_TOOL.format(name=name) if name else text + "\n# longer\n")
        messages = [
            {"id": 1, "method": "tools/list"},
            {
                "id": 2,
                "method": "tools/call",
                "params": {"name": "get_new_thing", "arguments": {"collection_id": "x"}},
            },
        ]
        lines = [json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in [INITIALIZE, *messages]]
        return subprocess.run(
            [sys.executable, "-m", "portkey_admin_mcp", "--sandbox"],
            input="".join(lines),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tree.parent)},
        )

    return with_tool


def test_a_tool_that_is_not_in_the_manifest_is_listed_and_called_and_shouted_about(changed_tree):
    process = changed_tree("get_new_thing")

    answers = {line["id"]: line["result"] for line in map(json.loads, process.stdout.splitlines())}
    assert "get_new_thing" in [tool["name"] for tool in answers[1]["tools"]]
    assert "There is no tool" not in answers[2]["content"][0]["text"]
    assert "manifest.jsonl is out of date" in process.stderr
    assert "make docs" in process.stderr
    assert "get_new_thing" in process.stderr


def test_a_changed_file_that_changes_no_description_is_checked_once_and_not_mentioned(
    changed_tree, tmp_path
):
    """To check it takes a second: so not at the next start, nor where there is no .git."""
    process = changed_tree("")

    assert len(process.stdout.splitlines()) == 3
    assert process.stderr == ""
    manifest = tmp_path / "src/portkey_admin_mcp/server/offer/manifest.jsonl"
    source = tmp_path / "src/portkey_admin_mcp/tools/collections.py"
    assert manifest.stat().st_mtime >= source.stat().st_mtime


def test_what_the_manifest_differs_in_is_named():
    offer = load_offer()
    fewer = offer.limited_to({*offer.tools} - {"get_config"})

    assert offer.differences(build_offer()) == []
    assert offer.differences(fewer) == ["get_config"]


@pytest.mark.parametrize("method", LISTS)
def test_in_some_toolsets_only_what_they_can_do_is_listed(method):
    offer = load_offer()
    with limited_to(frozenset({"users"})):
        limited = offer.current

    assert {*names_in(limited, method)} < {*names_in(offer, method)}
    assert limited.current is limited
    assert offer.current is offer


def test_a_selection_is_made_once_and_few_are_kept():
    offer = load_offer()
    selections = [frozenset({"users", f"unknown-{number}"}) for number in range(100)]
    first = []
    for domains in selections:
        with limited_to(domains):
            first.append(offer.current)

    with limited_to(selections[-1]):
        assert offer.current is first[-1]
    with limited_to(selections[0]):
        assert offer.current is not first[0]


@pytest.mark.parametrize(
    ("mode", "listed", "hint"),
    [
        ("full", 203, "tools/list names them all."),
        ("search", 6, "search_tools finds tools by what you want to do."),
        ("code", 3, "search finds tools by what you want to do."),
    ],
)
def test_each_mode_lists_its_own_and_says_where_the_others_are(mode, listed, hint):
    offer = load_offer(mode)

    assert len(names_in(offer)) == listed
    assert offer.unknown_tool("zzzz") == f"There is no tool 'zzzz'. {hint}"
    assert "Did you mean list_configs" in offer.unknown_tool("list_config")


def test_a_long_unknown_name_is_shown_in_part():
    assert len(Offer.load().unknown_tool("x" * 10_000)) < 200


def test_a_mode_of_tools_that_only_read_says_that_it_only_reads():
    offer = load_offer("search")
    reads = offer.limited_to({n for n, tool in offer.tools.items() if tool.effect == "read"})

    assert offer.mode_tools["call_tool"]["annotations"]["destructiveHint"]
    assert reads.mode_tools["call_tool"]["annotations"]["readOnlyHint"]


def test_prompts_are_announced_only_where_one_is_offered():
    offer = load_offer()

    assert "prompts" in offer.announcement["capabilities"]
    assert "prompts" not in offer.limited_to({"get_config"}).announcement["capabilities"]


def test_what_needs_exactly_the_tools_there_are_is_offered():
    offer = load_offer().limited_to({"get_config"})

    assert [each["name"] for each in offer.definitions("resourceTemplates")] == ["configs"]


def test_the_digest_changes_with_what_clients_see_and_with_nothing_else():
    offer = load_offer()
    tools = [*offer.tools.values()]
    reordered = Offer(offer._head, {tool.name: tool for tool in reversed(tools)})
    renamed = ListedTool(
        {"name": "x", "domain": "users", "effect": "read", "module": "x"},
        tools[0].text.replace("List", "Show", 1),
    )
    changed = Offer(offer._head, {**offer.tools, tools[0].name: renamed})

    assert re.fullmatch("sha256:[0-9a-f]{64}", offer.digest)
    assert reordered.digest == offer.digest
    assert changed.digest != offer.digest
    assert offer.limited_to({tools[0].name}).digest != offer.digest
    assert offer.in_mode("search").digest != offer.digest
