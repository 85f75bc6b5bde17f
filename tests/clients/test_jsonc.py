"""Editing JSON texts: everything but the one member stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.clients.jsonc import (
    JsoncError,
    append_item,
    parse,
    redacted,
    remove,
    set_member,
)
from texts import any_text

ENTRY = {"command": "portkey-admin-mcp", "args": ["--sandbox"]}
PATH = ("mcpServers", "portkey")
TEXTS = {
    "pretty": '{\n  "mcpServers": {\n    "other": {\n      "command": "x"\n    }\n  }\n}\n',
    "tabs": '{\n\t"mcpServers": {\n\t\t"other": { "command": "x" }\n\t}\n}',
    "one line": '{"mcpServers": {"other": {"command": "x"}}, "b": 1}',
    "line ends of Windows": '{\r\n    "mcpServers": {\r\n        "other": {}\r\n    }\r\n}\r\n',
    "comments": '// first\n{\n  "a": 1, // why\n  /* b */ "mcpServers": {\n'
    '    // about other\n    "other": {} // no comma\n    // last\n  } // end\n}\n// after\n',
    "trailing commas": '{\n  "mcpServers": {\n    "other": {}, // with\n  },\n}\n',
    "no servers": '{\n  "theme": "dark"\n}\n',
    "closed on the line of the last member": '{ "a": [1,\n 2], "mcpServers": { "other":\n {} } }',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_is_added_is_there_and_what_was_there_stays(text):
    new = set_member(text, PATH, ENTRY)

    value = parse(text)
    value.setdefault("mcpServers", {})["portkey"] = ENTRY
    assert parse(new) == value
    for comment in ("// first", "// why", "/* b */", "// no comma", "// last", "// end"):
        assert new.count(comment) == text.count(comment)
    assert ("\r" in new) == ("\r" in text)
    assert new.count("\n") == new.count("\r\n") or "\r" not in text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_adding_twice_changes_nothing_and_removing_gives_the_text_back(text):
    new = set_member(text, PATH, ENTRY)

    assert set_member(new, PATH, ENTRY) == new
    if "mcpServers" in text:
        assert remove(new, PATH) == text
    assert remove(text, PATH) == text


def test_a_comment_stays_on_the_line_of_its_member():
    new = set_member(TEXTS["comments"], PATH, 1)

    assert '"other": {}, // no comma\n    "portkey": 1\n    // last\n' in new


def test_another_value_is_replaced_where_it_is():
    text = (
        '{\n  "mcpServers": {\n    "portkey": { "command": "old" }, // mine\n    "z": 1\n  }\n}\n'
    )

    new = set_member(text, PATH, ENTRY)

    assert '// mine\n    "z": 1' in new
    assert [*parse(new)["mcpServers"]] == ["portkey", "z"]


@pytest.mark.parametrize("text", ["", " \n", "{}", "{ }\n"])
def test_an_empty_file_becomes_a_document(text):
    assert set_member(text, PATH, 1) == '{\n  "mcpServers": {\n    "portkey": 1\n  }\n}\n'


def test_a_comment_in_an_empty_object_stays():
    new = set_member('{\n  "mcpServers": { // none yet\n  }\n}', PATH, 1)

    assert new == '{\n  "mcpServers": { // none yet\n    "portkey": 1\n  }\n}'


def test_items_are_added_to_an_array_and_removed():
    text = '{\n  "inputs": [\n    {"id": "a"} // first\n  ]\n}\n'

    new = append_item(text, ("inputs",), {"id": "b"})

    assert parse(new)["inputs"] == [{"id": "a"}, {"id": "b"}]
    assert "// first" in new
    assert remove(new, ("inputs", 1)) == text
    assert parse(append_item("{}", ("inputs",), 1)) == {"inputs": [1]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "line 1: a comma or } is missing"),
        ('{\n"a" 1}', "line 2: a colon is missing after 'a'"),
        ('{"a": tru}', "line 1: 'tru' is no JSON value"),
        ('{"a": 1} x', "line 1: nothing may follow the object"),
        ("[1]", "line 1: the file must hold an object"),
        ('{"a": 1, "a": 2}', "line 1: 'a' is there twice"),
        ('{"a": }', "line 1: a value is missing"),
        ('{"a": /* open', "line 1: a value is missing"),
        ('{"a": "\\x"}', "is no JSON value"),
        ("[" * 300, "too many levels"),
        ('{"mcpServers": []}', "'mcpServers' is there, and is no object"),
    ],
)
def test_a_text_that_cannot_be_changed_is_refused(text, message):
    with pytest.raises(JsoncError) as error:
        set_member(text, PATH, 1)

    assert message in str(error.value)


def test_values_of_others_are_not_shown():
    text = (
        '{"a": "secret-1", "mcpServers": {"x": {"env": {"K": "secret-2"}}, "portkey": "me"}}'
        " // secret-3"
    )

    shown = redacted(text, [PATH])

    assert "secret" not in shown
    assert parse(shown) == {"a": "…", "mcpServers": {"x": {"env": {"K": "…"}}, "portkey": "me"}}


SCALARS = st.none() | st.booleans() | st.integers() | any_text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(any_text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(any_text(max_size=4), VALUES, max_size=4),
    st.sampled_from([None, 2, "\t"]),
    VALUES,
)
def test_any_document_can_be_changed_and_changed_back(document, indent, value):
    document = {**document, "mcpServers": {"other": 1}}
    text = json.dumps(document, indent=indent, ensure_ascii=False)

    new = set_member(text, PATH, value)

    assert parse(text) == document
    assert parse(new) == {**document, "mcpServers": {"other": 1, "portkey": value}}
    assert remove(new, PATH) == text
