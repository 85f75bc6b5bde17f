"""Run a recipe on the emulator, through a real MCP client, and check what comes back.

A recipe is a conversation in docs/recipes/*.yaml. Its steps are run in order on a new emulated
organisation, whose clock stands at 2026-11-02 09:00 UTC. A step is one of:

    person: what the person says
    assistant: what the assistant says at the end
    call: a tool, with `arguments`
      expect: a part of the answer: objects by their fields, lists by some of their items, texts
              that begin with ~ by a regular expression, and `rows#: 3` for the length of `rows`
      save: names for parts of the answer, by their paths, such as `data[name=Dashboard].id`
      show: the fields of the answer that the page shows; `first` limits the rows of its lists
      confirm: true if the server asks the person, who types the name of the object
      fails: a part of the message, if the call is refused
    control: a request to the control API of the emulator, with `body`; `says` what happened
    command: what the person types in a terminal: `approve`, `freeze` or `thaw`

A text with ${name} contains what was saved under that name.
"""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client
from mcp_types import ElicitResult, ErrorData
from pydantic import SecretStr

from portkey_admin_mcp.door_assembly import permitted_offer
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.approvals import Where
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.policy_file import PolicySource
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import Freeze
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.offer.selection import selected_tools
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings

Step = dict[str, Any]
NAME_AT_END = "type its name: "
KINDS = ("person", "assistant", "call", "control", "command")
COMMANDS = ("approve", "freeze", "thaw")


class RecipeFailed(Exception):
    """A step did something else than the recipe says."""


@dataclass
class StepResult:
    """A step that was run: with the saved values filled in, the answer, and the question asked."""

    step: Step
    answer: Any = None
    text: str = ""
    question: str = ""


@dataclass
class Person:
    """The person at the client: types the name that a question asks for, and keeps the question."""

    questions: list[str] = field(default_factory=list)

    async def answer(self, context: Any, params: Any) -> ElicitResult | ErrorData:
        """Type the name that a question asks for."""
        self.questions.append(params.message)
        name = params.message.rpartition(NAME_AT_END)[2]
        return ElicitResult(action="accept", content={"name": name})


async def run_recipe(recipe: dict[str, Any]) -> list[StepResult]:
    """Run the steps of a recipe; raises RecipeFailed at the first that does something else."""
    results: list[StepResult] = []
    failure: RecipeFailed | None = None
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            session = await _start(recipe, Path(folder), stack)
            try:
                for place, step in _numbered(recipe):
                    results.append(await _run(place, step, session))
            except RecipeFailed as error:  # raised below, because the client would group it
                failure = error
    if failure is not None:
        raise failure
    return results


@dataclass
class Session:
    """What the steps of one recipe share."""

    client: Client
    person: Person
    emulator: Emulator
    store: SqliteStore
    saved: dict[str, Any]


async def _start(recipe: dict[str, Any], folder: Path, stack: AsyncExitStack) -> Session:
    emulator = Emulator("acme", frozen_time)
    variables = {name: str(value) for name, value in recipe.get("settings", {}).items()}
    key = SecretStr(emulator.keys()[variables.pop("PORTKEY_API_KEY", "owner")])
    settings = Settings.model_validate({"PORTKEY_API_KEY": key, **variables})
    safety = SafetySettings.model_validate(variables)
    guard = _guard(recipe.get("policy"), safety, folder)
    store, journal = SqliteStore(":memory:", now), SqliteJournal(":memory:")
    door = Door(safety, lambda: store, lambda: journal, now, min_reply_s=0.0, where=Where())
    tools = load_offer().tools.values()
    names = {tool.name for tool in selected_tools(settings, [*tools])}
    offer = permitted_offer(load_offer().limited_to(names), guard)
    portkey = Portkey(settings, InProcess(emulator), frozen_time).with_gate(permitted_only)
    server = AdminServer(ToolCalls(offer, lambda: portkey, door=lambda: door, policy=guard))
    person = Person()
    asks = recipe.get("client") != "cannot ask"
    client = Client(server, elicitation_callback=person.answer if asks else None)
    await stack.enter_async_context(client)
    return Session(client, person, emulator, store, {})


def _guard(policy: str | None, safety: SafetySettings, folder: Path) -> PolicyGuard | None:
    """What decides by the policy of a recipe and the bound on workspaces; None without both."""
    source = None
    if policy is not None:
        file = folder / "policy.yaml"
        file.write_text(policy, encoding="utf-8")
        source = PolicySource(file, lambda: [*load_offer().tools])
    return PolicyGuard(source, safety.workspaces) if source or safety.workspaces else None


def now() -> float:
    """The time of every recipe, in seconds since 1970."""
    return frozen_time().timestamp()


def _numbered(recipe: dict[str, Any]) -> list[tuple[str, Step]]:
    return [(f"{recipe['title']}, step {n}", step) for n, step in enumerate(recipe["steps"], 1)]


async def _run(place: str, step: Step, session: Session) -> StepResult:
    kinds = [kind for kind in KINDS if kind in step]
    if len(kinds) != 1:
        raise RecipeFailed(f"{place}: give one of {', '.join(KINDS)}")
    filled: Step = fill(step, session.saved, place)
    try:
        return await RUN[kinds[0]](filled, session)
    except RecipeFailed as error:
        raise RecipeFailed(f"{place}: {error}") from None
    except (KeyError, IndexError, ValueError) as error:
        raise RecipeFailed(f"{place}: {type(error).__name__}: {error}") from error


async def _say(step: Step, _session: Session) -> StepResult:
    return StepResult(step)


async def _call(step: Step, session: Session) -> StepResult:
    session.person.questions.clear()
    result = await session.client.call_tool(step["call"], step.get("arguments", {}))
    text = "\n".join(part.text for part in result.content if part.type == "text")
    if result.is_error != ("fails" in step):
        raise RecipeFailed(f"{step['call']} {'failed' if result.is_error else 'passed'}: {text}")
    if "fails" in step and not matches(step["fails"], text) and step["fails"] not in text:
        raise RecipeFailed(f"{step['call']} failed with another message: {text}")
    if bool(session.person.questions) != step.get("confirm", False):
        raise RecipeFailed(f"the person was asked: {session.person.questions}")
    answer = result.structured_content
    if not matches(step.get("expect"), answer):
        raise RecipeFailed(f"{step['call']} answered {json.dumps(answer, ensure_ascii=False)}")
    for name, path in step.get("save", {}).items():
        session.saved[name] = at(answer, path)
    return StepResult(step, answer, text, "".join(session.person.questions))


async def _control(step: Step, session: Session) -> StepResult:
    method, _, target = step["control"].partition(" ")
    body = json.dumps(step.get("body", {})).encode()
    status, _, content = session.emulator.answer(method, target, {}, body)
    if status >= 300:
        raise RecipeFailed(content.decode())
    return StepResult(step)


async def _command(step: Step, session: Session) -> StepResult:
    """What the commands do, on the store that the server of this recipe uses."""
    kind = step["command"]
    if kind == "approve":
        (approval,) = await session.store.list_open()
        await session.store.settle(approval.id, "approved", "a person", "")
        return StepResult(step, approval)
    if kind == "freeze":
        await session.store.set_freeze(Freeze("a person", step["why"], now()))
    elif kind == "thaw":
        await session.store.set_freeze(None)
    else:
        raise RecipeFailed(f"there is no command {kind}; there are {', '.join(COMMANDS)}")
    return StepResult(step)


RUN: dict[str, Callable[[Step, Session], Awaitable[StepResult]]] = {
    "person": _say,
    "assistant": _say,
    "call": _call,
    "control": _control,
    "command": _command,
}


def fill(value: Any, saved: dict[str, Any], place: str) -> Any:
    """A value with ${name} replaced by what is saved; a text that is only that keeps its type."""
    if isinstance(value, dict):
        return {name: fill(item, saved, place) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, saved, place) for item in value]
    if not isinstance(value, str):
        return value
    missing = set(re.findall(r"\$\{(\w+)\}", value)) - set(saved)
    if missing:
        raise RecipeFailed(f"{place}: nothing is saved as {', '.join(sorted(missing))}")
    if complete := re.fullmatch(r"\$\{(\w+)\}", value):
        return saved[complete[1]]
    return re.sub(r"\$\{(\w+)\}", lambda match: str(saved[match[1]]), value)


def at(value: Any, path: str) -> Any:
    """A part of an answer: `data[0].id`, or `data[name=Dashboard].id`."""
    for name, choice in re.findall(r"(\w+)(?:\[([^\]]*)\])?", path):
        value = value[name]
        if choice.isdecimal():
            value = value[int(choice)]
        elif choice:
            field_name, _, wanted = choice.partition("=")
            rows = [row for row in value if str(row.get(field_name)) == wanted]
            if len(rows) != 1:
                raise RecipeFailed(f"{path} is not one row: {len(rows)}")
            value = rows[0]
    return value


def matches(expected: Any, actual: Any) -> bool:
    """Whether an answer has what is expected of it; nothing expected fits anything."""
    if expected is None:
        return True
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            len(actual.get(name[:-1], ())) == item
            if name.endswith("#")
            else name in actual and (actual[name] == item or matches(item, actual[name]))
            for name, item in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and all(
            any(matches(item, each) for each in actual) for item in expected
        )
    if isinstance(expected, str) and expected.startswith("~"):
        return re.search(expected[1:], str(actual)) is not None
    return bool(expected == actual)
