"""docs/troubleshooting.md has every text of an error: real errors are found in it."""

import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from doc_pages.error_messages import Message, messages_in, messages_of, texts_in
from doc_pages.error_page import error_page

from portkey_admin_mcp.cli.command_line import main as command_line
from portkey_admin_mcp.cli.doctor.describe_setting import groups
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.settings.hosting import load_hosting
from portkey_admin_mcp.settings.settings import load_settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/portkey_admin_mcp"
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^- (?:\d+ )?`+ ?(.+?) ?`+$", PAGE, re.MULTILINE)


@cache
def package_messages() -> list[Message]:
    """Every message of the package's sources."""
    return messages_in(PACKAGE)


def is_listed(message: str) -> bool:
    """Whether the page has the text of a message, whatever is filled in."""
    patterns = (
        "".join(
            ".+" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^{}]*\})", text)
        )
        for text in LISTED
    )
    line = message.strip().removesuffix(".")
    return any(re.search(pattern.removesuffix(r"\."), line) for pattern in patterns)


def test_the_page_has_hundreds_of_messages():
    assert len(LISTED) > 400
    assert not is_listed("a text that no error has")


@pytest.mark.parametrize(
    "settings",
    [
        {"PORTKEY_BASE_URL": "http://portkey.example/v1"},
        {"PORTKEY_BASE_URL": "portkey.example"},
        {"PORTKEY_BASE_URL": "https://10.0.0.1/v1"},
        {"PORTKEY_API_KEY": "Bearer pk-0123456789"},
        {"PORTKEY_API_KEY": "${PORTKEY_API_KEY}"},
        {"MCP_AUTH_MODE": "bearer"},
        {"MCP_AUTH_MODE": "oidc"},
        {"MCP_EVENT_STORE": "redis"},
        {"MCP_ALLOWED_HOSTS": "*"},
        {"MCP_TLS_KEY_PATH": __file__},
    ],
    ids=str,
)
def test_an_error_of_a_setting_is_on_the_page(settings, monkeypatch):
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-0123456789")
    load = load_settings if next(iter(settings)).startswith("PORTKEY") else load_hosting

    with pytest.raises(ConfigurationError) as error:
        load(None, **settings)
    assert is_listed(str(error.value))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_api_key", {"type": "workspace", "sub_type": "user", "name": "x", "scopes": ["a"]}),
        ("update_user", {"user_id": "7d1d08ec-c4d8-4124-a7a4-9b995c875d34"}),
        ("create_config", {"name": "x", "config": {"strategy": {"mode": "fallback"}}}),
        ("get_cost_analytics", {"time_of_generation_min": "x", "time_of_generation_max": "y"}),
        ("list_api_keys", {"nothing": 1}),
        ("get_api_key", {}),
        ("revert_change", {"change": "x"}),
        ("list_keys", {}),
        ("delete_workspace", {"workspace_id": "ws-shared-58dfba", "name": "Other"}),
        ("delete_collection", {"collection_id": "co-shared-b9c685"}),
    ],
)
async def test_an_error_of_a_tool_is_on_the_page(refusal, tool, arguments):
    text = await refusal(tool, **arguments)

    lines = [line for line in text.splitlines() if line != "these arguments do not fit:"]
    assert is_listed(lines[0]) or is_listed(lines[0].partition(': "')[2]), text


@pytest.mark.parametrize(
    "words",
    [
        ["freeze", "--sandbox"],
        ["policy", "explain", "delete_user"],
        ["check-http", "--url", "mcp.example.com"],
        ["tools", "--domain", "nothing"],
        ["emulator", "--seed", "nothing"],
        ["emulator", "--state", "other.txt", "--port", "0"],
        ["emulator", "--state", "nowhere/state.sqlite", "--port", "0"],
        ["emulator", "--host", "192.0.2.1"],
        ["install", "cursor", "--sandbox"],
        ["doctor", "--setting", "nothing"],
    ],
    ids=" ".join,
)
def test_an_error_of_a_command_is_on_the_page(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "other.txt").write_text("something else, and long enough to be no database " * 9)
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_text('{"mcpServers": {"portkey": {"command": "cat"}}}')

    result = CliRunner().invoke(command_line, words)

    assert result.exit_code != 0
    assert is_listed(result.output.strip().splitlines()[-1]), result.output


def test_no_error_refers_to_a_file_of_the_documentation():
    """Who installed the program has no such file."""
    assert [each.text for each in package_messages() if "docs/" in each.text] == []
    fields = [field for group in groups() for field in group.model_fields.values()]
    assert [field for field in fields if "docs/" in field.description] == []
    assert [each for each in help_texts(command_line) if "docs/" in each] == []


def help_texts(command):
    """The help of a command, of its options and of the commands in it."""
    yield command.help or ""
    yield from (getattr(option, "help", None) or "" for option in command.params)
    for inner in getattr(command, "commands", {}).values():
        yield from help_texts(inner)


def test_a_new_message_is_listed_without_a_change_of_the_groups(tmp_path):
    package = tmp_path / "package"
    (package / "cli").mkdir(parents=True)
    code = 'def f(x):\n    raise click.ClickException(f"the {x.name} of tea is empty: fill it")\n'
    (package / "cli/new_command.py").write_text(code)
    groups = tmp_path / "groups.yaml"
    groups.write_text(
        "- title: Commands\n  about: ''\n  parts:\n"
        "  - {title: Other, files: ['cli/*'], cause: A cause., cure: A cure.}\n"
    )

    page = error_page(package, groups, "")
    assert "- `the {name} of tea is empty: fill it`" in page
    assert "**Cure.** A cure." in page


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('raise InputError("give a cup")', ["give a cup"]),
        ('raise InputError(f"give {cup!r} a " "name")', ["give {cup} a name"]),
        ('WHY = "no tea is here"\ndef f():\n    raise InputError(WHY)', ["no tea is here"]),
        ('def f(x):\n    raise InputError("no milk here" if x else "no tea here")',
         ["no milk here", "no tea here"]),
        ('def f():\n    why = f"no {x} here"\n    raise InputError(why)', ["no {x} here"]),
        ('def f():\n    return InputError("no tea here")', ["no tea here"]),
        ('def why(x):\n    return f"no {x} here"\ndef f():\n    raise InputError(why(1))',
         ["no {x} here"]),
        ('def f(x):\n    raise InputError(x or "no tea here")', ["no tea here"]),
        ('raise IndexError("not shown to anybody")', []),
        ('raise ValueError("caught inside")', []),
        ('raise RequestRefused(403, "forbidden", "This is denied.")', ["This is denied."]),
    ],
)  # fmt: skip
def test_a_text_is_read_from_the_source(code, expected, tmp_path):
    file = tmp_path / "file.py"
    file.write_text(code)

    assert [message.text for message in messages_of(file, tmp_path)] == expected


def test_a_named_function_without_texts_is_an_error():
    with pytest.raises(ValueError, match="holds no text"):
        texts_in(PACKAGE, "errors.py:nothing")


def test_every_error_class_of_the_package_has_its_messages_read():
    """Whatever is raised with a text of its own in these packages is on the page."""
    texts = {message.text for message in package_messages()}

    for file in [*PACKAGE.rglob("safety/**/*.py"), *PACKAGE.rglob("workflows/**/*.py")]:
        source = file.read_text(encoding="utf-8")
        for text in re.findall(r'raise [A-Z]\w+\(\s*"([^"{]{20,})"\s*\)', source):
            assert text in texts, f"{file}: {text}"
