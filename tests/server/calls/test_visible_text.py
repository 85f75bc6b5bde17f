"""What a text hides is shown to the model, and values stay as they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.server.calls.result_size import compact, one_line
from portkey_admin_mcp.server.calls.tool_calls import ToolFailed
from portkey_admin_mcp.server.calls.visible_text import HIDDEN, visible
from servers import build_calls
from texts import any_text

HIDDEN_TEXTS = {
    "\x00": "\\u0000",
    "\x1b[31m": "\\u001b[31m",
    "\r": "\\u000d",
    "\x7f": "\\u007f",
    "\x9b1m": "\\u009b1m",
    "\u202egpj.exe\u202c": "\\u202egpj.exe\\u202c",
    "\u2066a\u2069": "\\u2066a\\u2069",
    "\u200e\u200f\u061c": "\\u200e\\u200f\\u061c",
    "\u2028": "\\u2028",
    "\U000e0041\U000e007f": "\\udb40\\udc41\\udb40\\udc7f",
    "\ufeff": "\\ufeff",
}
EMOJI = "👨‍👩‍👧 ❤️ 🏳️‍🌈 👍🏽 1️⃣ 🇩🇪"
PLAIN = ["", "plain", "a\n\tb", "Zürich 東京 हिन्दी می‌خواهم", EMOJI]
NAME = "Ops\u202eecnanif\u202c\U000e0041\x9b2J"
SHOWN = "Ops\\u202eecnanif\\u202c\\udb40\\udc41\\u009b2J"


@pytest.mark.parametrize(("text", "shown"), HIDDEN_TEXTS.items())
def test_a_hidden_character_is_shown_as_its_escape(text, shown):
    assert visible(f"a{text}b") == f"a{shown}b"
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("text", PLAIN)
def test_text_and_emoji_stay_whole(text):
    assert visible(text) == text


def test_a_flag_that_is_made_of_tags_shows_its_tags():
    """They look the same as a hidden message does, so they are shown too."""
    assert visible("🏴\U000e0067\U000e0062\U000e007f") == "🏴" + "".join(
        rf"\udb40\udc{unit}" for unit in ("67", "62", "7f")
    )


@given(st.dictionaries(any_text(), any_text()))
def test_json_has_no_hidden_character_and_the_same_value(answer):
    text = compact(answer)

    assert HIDDEN.search(text) is None
    assert json.loads(text) == answer


@given(any_text())
def test_ascii_text_takes_the_short_way_to_the_same_result(text):
    assert (HIDDEN.search(text) is None) == (visible(text) == text)
    assert HIDDEN.search(visible(text)) is None
    assert HIDDEN.search(one_line(text, 99)) is None


def test_no_hidden_character_counts_as_printable():
    """So that a text of printable characters need not be searched."""
    hidden = HIDDEN.findall("".join(map(chr, range(0x110000))))

    assert len(hidden) > 2_000
    assert not any(map(str.isprintable, hidden))


async def test_every_text_of_a_result_shows_what_a_name_hides(call, ask):
    """As JSON, as CSV, in a note and in an error; the structured answer keeps the value."""
    created = await call("create_workspace", {"name": NAME, "description": "d"})
    listed = await call("list_workspaces", {"fields": "name"})
    table = await call("list_workspaces", {"format": "csv", "fields": "name"})
    refused = await call("get_workspace", {"workspace_id": NAME})

    names = [row["name"] for row in listed.structured_content["data"]]
    assert any(NAME in name for name in names)
    assert json.loads(listed.content[0].text) == listed.structured_content
    assert NAME in table.structured_content["csv"]
    assert refused.is_error
    for result in (listed, table, refused):
        assert SHOWN in result.content[0].text
    texts = [part.text for r in (created, listed, table, refused) for part in r.content]
    assert not any(HIDDEN.search(text) for text in texts)


async def test_advice_for_resources_and_completions_shows_it_too(api):
    with pytest.raises(ToolFailed) as failure:
        await build_calls(lambda: api).answer("get_workspace", {"workspace_id": NAME})

    assert HIDDEN.search(str(failure.value)) is None
    assert SHOWN in str(failure.value)


async def test_a_mode_shows_what_code_prints(execute):
    result = await execute('print("a\\u202eb")\n"c\\u202ed"')

    texts = [part.text for part in result.content]
    assert not any(HIDDEN.search(text) for text in texts)
    assert "a\\u202eb" in "".join(texts)
