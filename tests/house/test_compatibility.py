"""Every call that the TypeScript server accepts is accepted and sent by this server.

`facts/typescript_tools.json` says which arguments that server's 182 tools have, of which types.
Each tool is called with its required arguments, and once more for each optional argument.
"""

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from each import for_each
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.errors import ApiError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.settings import Settings

TESTS = Path(__file__).parents[1]
TYPESCRIPT = json.loads((TESTS / "facts/typescript_tools.json").read_text())["tools"]
CASES = json.loads((TESTS / "compatibility_cases.json").read_text())
TOOLS = {tool.name: tool for tool in all_tools()}
EMULATOR = Emulator("acme", frozen_time)
VALUES = {
    "string": "x",
    "boolean": True,
    "integer": 5,
    "number": 5,
    "object": {"a": "b"},
    "0|1": 1,
}
FORMATS = {
    "date-time": "2026-11-02T09:00:00Z",
    "email": "new@acme.example",
    "uri": "https://example.com/mcp",
    "uuid": "3f0e7b1c-4d2a-4c59-9e5f-0a1b2c3d4e5f",
}
BY_NAME = {
    r".*_max|end_time": "2026-11-02T10:00:00Z",
    r".*(_min|_at|_time)": FORMATS["date-time"],
    r"metadata": '{"a": "b"}',
    r"color_code": "#22C55E",
    r".*url$": FORMATS["uri"],
}


def test_every_tool_of_the_typescript_server_is_here():
    assert len(TYPESCRIPT) == 182
    assert set(TYPESCRIPT) <= set(TOOLS)


@for_each(TYPESCRIPT)
def test_a_call_with_what_is_needed_is_sent(name):
    assert problem(name, needed(name)) is None


@for_each(TYPESCRIPT)
def test_a_call_with_any_one_argument_besides_is_sent(name):
    problems = {}
    for argument, value in optional(name).items():
        case = CASES.get(name, {})
        dropped = case.get("without", {}).get(argument, ())
        base = {a: v for a, v in needed(name).items() if a not in dropped}
        others = case.get("along", {}).get(argument, {})
        problems[argument] = problem(name, {**base, **others, argument: value})

    assert {argument: why for argument, why in problems.items() if why} == {}


def needed(name: str) -> dict[str, Any]:
    """The required arguments of a tool, and those that its rules across arguments require."""
    required = {a: v for a, (v, is_needed) in top(name).items() if is_needed}
    return {**required, **CASES.get(name, {}).get("with", {})}


def optional(name: str) -> dict[str, Any]:
    """The optional arguments of a tool, with a value each."""
    replaced = CASES.get(name, {}).get("instead", {})
    skipped = CASES.get(name, {}).get("refused", {})
    values = {a: v for a, (v, is_needed) in top(name).items() if not is_needed}
    arguments = {a: v for a, v in values.items() if a not in skipped}
    return {**arguments, **replaced}


def top(name: str) -> dict[str, tuple[Any, bool]]:
    """The top-level arguments of a tool: a value of the right type, and whether it is required."""
    arguments = TYPESCRIPT[name]
    return {
        path: (value_of(path, arguments), need == "req")
        for path, (_type, need, _bounds) in arguments.items()
        if "." not in path and "[]" not in path
    }


def value_of(path: str, arguments: dict[str, Any]) -> Any:
    """A value of an argument, with all its required parts."""
    kind, _need, bounds = arguments[path]
    kind = kind.removesuffix("|null").replace("string|string[]", "string[]")
    is_list = kind.endswith("[]")
    kind = kind.removesuffix("[]")
    inside = f"{path}[]." if is_list else f"{path}."
    parts = {
        other.removeprefix(inside): value_of(other, arguments)
        for other, (_type, need, _bounds) in arguments.items()
        if other.startswith(inside) and need == "req" and "." not in other.removeprefix(inside)
        and not other.removeprefix(inside).endswith("[]")
    }  # fmt: skip
    value = parts or plain(path.rpartition(".")[2], kind, bounds)
    return [value] if is_list else value


def plain(name: str, kind: str, bounds: str) -> Any:
    """A value without parts."""
    if kind.startswith("enum{"):
        return kind[5:].partition("}")[0].split("|")[0]
    if kind.startswith('"'):
        return kind.strip('"')
    if kind.startswith("map<string,"):
        inner = kind.removeprefix("map<string,").removesuffix(">").split("|")[0]
        return {"a": VALUES.get(inner, "b") if inner != "string" else "b"}
    if minimum := re.search(r"minimum=(\d{3,})", bounds):
        return int(minimum[1])
    if maximum := re.search(r"maximum=(\d)\b", bounds):
        return int(maximum[1])
    samples = (value for pattern, value in BY_NAME.items() if re.fullmatch(pattern, name))
    if form := re.search(r"format=([\w-]+)", bounds):
        return next(samples, "") if form[1] == "date-time" else FORMATS[form[1]]
    if kind == "string":
        return next(samples, "x")
    return VALUES[kind]


@cache
def model(name: str) -> Any:
    """The arguments model of a tool, and the schema that a call is read by."""
    arguments = arguments_model(TOOLS[name])
    return arguments, accepted_schema(arguments)


def problem(name: str, arguments: dict[str, Any]) -> str | None:
    """Why the call is not sent. None if it is sent, even if the emulator refuses it."""
    owner = Settings(PORTKEY_API_KEY=SecretStr(EMULATOR.keys()["owner"]))
    EMULATOR.log.clear()
    try:
        checked = read_arguments(*model(name), arguments)
        asyncio.run(call_flat(TOOLS[name], Portkey(owner, InProcess(EMULATOR)), checked))
    except ApiError:
        return None
    except Exception as error:  # noqa: BLE001  # any error means that it is not sent
        return None if EMULATOR.log else f"{arguments}: {error}"
    return None
