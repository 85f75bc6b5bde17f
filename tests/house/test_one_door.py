"""No change gets around the door: not by another client, another path, or a tool's own parts."""

import ast
import asyncio
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from drawn_calls import TOOLS, Drawn
from each import for_each
from portkey_admin_mcp import assembly
from portkey_admin_mcp.errors import NotPermitted, PortkeyAdminError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.permit import permit, permitted_only
from portkey_admin_mcp.server.calls.arguments import call_flat, read_arguments

PACKAGE = Path(assembly.__file__).parent
WRITES = [name for name, tool in TOOLS.items() if tool.effect != "read"]
NOT_GET = ("POST", "PUT", "DELETE", "PATCH")
READS_BY_POST = ("/render",)
"""The ends of paths that are read by POST."""
MAY_USE = {
    "Portkey": {"assembly.py"},
    "with_gate": {"assembly.py", "safety/preview.py"},
    "with_transport": {"safety/policy_guard.py"},
    "open_gate": {"portkey/api.py", "portkey/gate.py"},
    "permit": {"safety/door.py"},
    "ToolCalls": {"assembly.py"},
    "Executor": {"server/calls/tool_calls.py"},
    "call_flat": {"server/calls/executor.py"},
    "_gate": {"portkey/api.py"},
    "_transport": {"portkey/api.py"},
}
"""The only modules that may use what can send a change, or let one pass."""


@cache
def uses() -> dict[str, set[str]]:
    """The modules that use each name, except to declare or to import it, or as a type."""
    modules = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        if "emulator" not in file.parts:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                for name in names_used(node):
                    modules[name].add(str(file.relative_to(PACKAGE)))
    return modules


def names_used(node: ast.AST) -> list[str]:
    """What is called here, or given to a call; and the private attributes of an object."""
    if isinstance(node, ast.Call):
        return [_name(each) for each in (node.func, *node.args, *(k.value for k in node.keywords))]
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        return [node.attr]
    return []


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.parametrize("name", MAY_USE)
def test_only_these_modules_can_send_a_change_or_let_one_pass(name):
    modules = {
        module
        for module in uses()[name]
        # Private names of other classes: of a session's or a loop's transport.
        if not (name == "_transport" and module.startswith(("server/", "portkey/http/")))
    }

    assert modules <= MAY_USE[name]


def send(drawn: Drawn, api: Portkey) -> None:
    checked = read_arguments(drawn.model, drawn.schema, drawn.arguments())
    asyncio.run(call_flat(drawn.tool, api, checked))


def changes(drawn: Drawn) -> list[str]:
    return [
        f"{method} {target}"
        for method, target, _ in drawn.recorded.requests
        if method in NOT_GET and not target.partition("?")[0].endswith(READS_BY_POST)
    ]


@for_each(WRITES)
def test_without_a_permit_no_tool_changes_anything(name):
    drawn = Drawn(name)
    api = Portkey(drawn.recorded.settings, drawn.recorded, gate=permitted_only)

    with pytest.raises(PortkeyAdminError):
        for _ in range(3):
            send(drawn, api)
    assert changes(drawn) == []


def test_the_same_calls_change_something_with_a_permit():
    """Else the test above could not fail."""
    sent = set()

    async def passage(_api, _change, send):
        return await send()

    for name in WRITES:
        drawn = Drawn(name)
        api = Portkey(drawn.recorded.settings, drawn.recorded, gate=permitted_only)
        with permit(passage):
            try:
                send(drawn, api)
            except NotPermitted:
                raise
            except PortkeyAdminError:
                pass
        if changes(drawn):
            sent.add(name)

    assert len(sent) >= 0.8 * len(WRITES), {*WRITES} - sent
