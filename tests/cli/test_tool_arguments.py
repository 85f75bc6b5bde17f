"""The words of a command line as arguments, typed by the schema of a tool."""

import pytest

from portkey_admin_mcp.cli.tool_arguments import inline_secrets, read_json, read_words
from portkey_admin_mcp.errors import InputError

LIMIT = {"type": "object", "properties": {"cost": {"type": "number"}, "unit": {"type": "string"}}}
SCHEMA = {
    "properties": {
        "name": {"type": "string"},
        "note": {"type": ["string", "null"]},
        "count": {"type": ["integer", "null"]},
        "size": {"type": "integer"},
        "share": {"type": "number"},
        "on": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "ports": {"type": "array", "items": {"type": "integer"}},
        "several": {"type": ["string", "array"], "items": {"type": "string"}},
        "limit": LIMIT,
        "limits": {"type": "array", "items": LIMIT},
        "metadata": {"type": "object"},
    }
}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["name=a=b:=c"], {"name": "a=b:=c"}),
        (["name="], {"name": ""}),
        (["name=null", "note=null", "count=null"], {"name": "null", "note": None, "count": None}),
        (["name=007", "count=007"], {"name": "007", "count": 7}),
        (["share=1e-3", "count=-5"], {"share": 0.001, "count": -5}),
        (["count=1.5", "share=much", "on=1"], {"count": "1.5", "share": "much", "on": "1"}),
        (["on=TRUE"], {"on": True}),
        (["on=false"], {"on": False}),
        (["tags=a, b,"], {"tags": ["a", "b"]}),
        (["tags="], {"tags": []}),
        (["tags=a,b", "tags=c"], {"tags": ["a,b", "c"]}),
        (['tags=["a,b"]'], {"tags": ["a,b"]}),
        (["ports=1,2,x"], {"ports": [1, 2, "x"]}),
        (["several=a,b"], {"several": "a,b"}),
        (["several=a", "several=b"], {"several": ["a", "b"]}),
        (["limit.cost=5", "limit.unit=7"], {"limit": {"cost": 5, "unit": "7"}}),
        (['limit={"cost": 5}'], {"limit": {"cost": 5}}),
        (
            ["limits.1.cost=2", "limits.0.cost=1", "limits.0.unit=d"],
            {"limits": [{"cost": 1, "unit": "d"}, {"cost": 2}]},
        ),
        (["metadata.team=1", "metadata.x-y.z=2"], {"metadata": {"team": "1", "x-y": {"z": "2"}}}),
        (["metadata.1=a"], {"metadata": {"1": "a"}}),
        (["name:=null", "count:=[1, {}]"], {"name": None, "count": [1, {}]}),
        (["name=@@openai/gpt", "unknown=5"], {"name": "@openai/gpt", "unknown": "5"}),
    ],
)
def test_a_word_has_the_type_of_its_argument(words, arguments):
    assert read_words(words, SCHEMA) == arguments


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        (["name"], "'name' is no argument: write name=value"),
        (["=x"], "is no argument"),
        (["name=a", "name=b"], "name is given 2 times, and takes one value"),
        (["tags:=[]", "tags=b"], "tags is given 2 times"),
        (["size=null"], "size cannot be cleared with null: leave it out"),
        (["limit=5"], "limit is an object: give its fields, as limit.cost=…, limit.unit=…"),
        (["metadata=5"], "metadata.field=…"),
        (["limits=5"], "limits is a list of objects: give the fields of each, limits.0.cost=…"),
        (["limit={cost"], "limit: this is no JSON"),
        (["name:=x"], "name: this is no JSON"),
        (["limit.cost=1", 'limit={"cost": 2}'], "as a whole and in parts"),
        (["name=a", "name.b=c"], "as a whole and in parts"),
        (["name=@/nowhere/x"], "name: the file '/nowhere/x' cannot be read (No such file"),
        (["name=@/nowhere/x"], "for a text that begins with @: name=@@…"),
    ],
)
def test_a_word_that_cannot_be_read_is_refused_with_the_cure(word, problem):
    with pytest.raises(InputError) as refusal:
        read_words(word, SCHEMA)
    assert problem in str(refusal.value)


def test_a_value_can_come_from_a_file_or_standard_input(tmp_path, monkeypatch):
    import io
    import sys

    (tmp_path / "key").write_text("s3cret\n")
    (tmp_path / "text").write_text("two\nlines\n")
    (tmp_path / "limit").write_text('{"cost": 5}\n')
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    words = [f"name=@{tmp_path}/key", f"note=@{tmp_path}/text", "several=@-"]
    words += [f"limit=@{tmp_path}/limit", f"count:=@{tmp_path}/limit"]

    assert read_words(words, SCHEMA) == {
        "name": "s3cret",
        "note": "two\nlines\n",
        "several": "typed",
        "limit": {"cost": 5},
        "count": {"cost": 5},
    }


def test_arguments_can_be_one_json_object(tmp_path):
    (tmp_path / "arguments.json").write_text('{"name": "a"}')

    assert read_json(str(tmp_path / "arguments.json")) == {"name": "a"}
    assert read_json(' {"name": "b"}') == {"name": "b"}
    for wrong in ("{", str(tmp_path / "none")):
        with pytest.raises(InputError, match=r"^--json: "):
            read_json(wrong)
    (tmp_path / "arguments.json").write_text("[1]")
    with pytest.raises(InputError, match="must hold an object"):
        read_json(str(tmp_path / "arguments.json"))


def test_a_secret_on_the_command_line_is_noticed():
    words = ["key=sk-1", "name=x", 'config.api_key:="x"', "auth.client_secret=@file"]
    words += ['configs={"a": [{"password": "x"}]}', 'tags:=["x"]', "broken:={"]

    assert inline_secrets(words) == ["key", "config.api_key", "configs"]
    assert inline_secrets([], '{"name": "x", "auth": {"client_secret": "y"}}') == ["auth"]
    assert inline_secrets([], "arguments.json") == []
