"""A call that the TypeScript server takes is one that this server takes, and sends.

`facts/typescript_tools.json` says which arguments that server's 182 tools have, of which types.
For each tool a call is made with what it needs, one for each argument besides, and all of them.
"""

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.errors import ApiError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import input_schema
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
    r".*(_min|_max|_at|_time)$|^time_(min|max)$": FORMATS["date-time"],
    r"metadata": '{"a": "b"}',
    r"color_code": "#22C55E",
    r".*url$": FORMATS["uri"],
}


def test_every_tool_of_the_typescript_server_is_here():
    assert len(TYPESCRIPT) == 182
    assert set(TYPESCRIPT) <= set(TOOLS)


@pytest.mark.parametrize("name", TYPESCRIPT)
def test_a_call_with_what_is_needed_is_sent(name):
    assert problem(name, needed(name)) is None


@pytest.mark.parametrize("name", TYPESCRIPT)
def test_a_call_with_any_one_argument_besides_is_sent(name):
    told = {}
    for argument, value in optional(name).items():
        case = CASES.get(name, {})
        dropped = case.get("without", {}).get(argument, ())
        base = {a: v for a, v in needed(name).items() if a not in dropped}
        along = case.get("along", {}).get(argument, {})
        told[argument] = problem(name, {**base, **along, argument: value})

    assert {argument: why for argument, why in told.items() if why} == {}


def needed(name: str) -> dict[str, Any]:
    """What the tool must be given, with what rules between arguments ask for besides."""
    found = {a: v for a, (v, is_needed) in top(name).items() if is_needed}
    return {**found, **CASES.get(name, {}).get("with", {})}


def optional(name: str) -> dict[str, Any]:
    """Everything else that it takes."""
    own = CASES.get(name, {}).get("instead", {})
    skipped = CASES.get(name, {}).get("refused", {})
    given = {a: v for a, (v, is_needed) in top(name).items() if not is_needed and a not in skipped}
    return {**given, **own}


def top(name: str) -> dict[str, tuple[Any, bool]]:
    """The arguments of a tool with a value of the right type, and whether they are needed."""
    arguments = TYPESCRIPT[name]
    return {
        path: (value_of(path, arguments), need == "req")
        for path, (_type, need, _bounds) in arguments.items()
        if "." not in path and "[]" not in path
    }


def value_of(path: str, arguments: dict[str, Any]) -> Any:
    """A value of an argument, whole: with all parts that it needs."""
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
    if least := re.search(r"minimum=(\d{3,})", bounds):
        return int(least[1])
    if most := re.search(r"maximum=(\d)\b", bounds):
        return int(most[1])
    if form := re.search(r"format=([\w-]+)", bounds):
        return FORMATS[form[1]]
    if kind == "string":
        known = (value for pattern, value in BY_NAME.items() if re.fullmatch(pattern, name))
        return next(known, "x")
    return VALUES[kind]


@cache
def model(name: str) -> Any:
    found = arguments_model(TOOLS[name])
    return found, input_schema(found)


def problem(name: str, given: dict[str, Any]) -> str | None:
    """Why the call is not sent, or None if it is, whatever Portkey would say to it."""
    owner = Settings(PORTKEY_API_KEY=SecretStr(EMULATOR.keys()["owner"]))
    EMULATOR.log.clear()
    try:
        arguments = read_arguments(*model(name), given)
        asyncio.run(call_flat(TOOLS[name], Portkey(owner, InProcess(EMULATOR)), arguments))
    except ApiError:
        return None
    except Exception as error:  # noqa: BLE001  # any refusal is what is looked for
        return None if EMULATOR.log else f"{given}: {error}"
    return None
