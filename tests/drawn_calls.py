"""Random calls of a tool, from its own schema: the required arguments and some optional ones."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from openapi import TESTS
from portkey_admin_mcp.domains import CHANGES
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.month import RECIPES
from portkey_admin_mcp.errors import PortkeyAdminError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.arguments import arguments_model, call_flat, read_arguments
from portkey_admin_mcp.server.calls.schema import Schema, accepted_schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.settings import Settings

CASES = json.loads((TESTS / "compatibility_cases.json").read_text())
TOOLS = {tool.name: tool for tool in all_tools() if tool.domain != CHANGES}
"""The tools of Portkey's own endpoints."""
NO_CALL = ("dry_run",)
"""Arguments that keep a call from being sent."""
FORMATS = {
    "date-time": ["2026-11-02T09:00:00Z", "2027-01-31T00:00:00.000Z"],
    "email": ["new@acme.example"],
    "uuid": ["3f0e7b1c-4d2a-4c59-9e5f-0a1b2c3d4e5f"],
    "uri": ["https://example.com/mcp"],
}
TEXTS = ["x", "abc", "a b", "ä/ö?", "support", "5"]
PATTERNED = {"color_code": ["#22C55E"], "slug": ["abc-1"]}


def in_order(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with ranges that do not end before they begin, nor at the same time."""
    ordered = dict(arguments)
    for last in arguments:
        first = last.removesuffix("max") + "min"
        if last.endswith("_max") and first in arguments:
            ends = sorted((arguments[first], arguments[last]))
            is_empty = ends[0] == ends[1] and isinstance(ends[0], str)
            ordered[first], ordered[last] = FORMATS["date-time"] if is_empty else ends
    return ordered


class StoppedError(Exception):
    """The arguments are valid: the call reached the point where its request would be sent."""


class Recorded:
    """The emulator as a transport that records each request: method, target, body.

    Without the month of requests to models, its analytics are answered at once.
    """

    def __init__(self, *, has_month: bool) -> None:
        emulator = Emulator("acme", frozen_time)
        if not has_month:
            recipes = emulator.store.table(RECIPES)
            recipes.remove(recipes["month"])
        self.settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()["owner"]))
        self.requests: list[tuple[str, str, Any]] = []
        self._answer = InProcess(emulator)

    async def __call__(self, method: str, target: str, headers: Any, body: bytes | None) -> Any:
        self.requests.append((method, target, None if body is None else json.loads(body)))
        return await self._answer(method, target, headers, body)


class Drawn:
    """Random calls of one tool, from its schema; the same ones in every run."""

    def __init__(self, name: str) -> None:
        self.tool = TOOLS[name]
        self.model = arguments_model(self.tool)
        self.schema = accepted_schema(self.model)
        self.chance = random.Random(name)  # a fixed seed
        # A tool with one endpoint sends the same request, whatever the answer is.
        self.recorded = Recorded(has_month=len(self.tool.endpoints) > 1)

    def call(self) -> list[tuple[str, str, Any]] | None:
        """Draw one call and make it. Returns the requests sent, None if there were none."""
        return self.sent(self.arguments())

    def arguments(self) -> dict[str, Any]:
        """Draw the required arguments, and those optional ones that the tool's rules allow."""
        return asyncio.run(self._draw())

    async def _draw(self) -> dict[str, Any]:
        required = self.schema.get("required", ())
        chosen = {name: self.value(name, self.schema["properties"][name]) for name in required}
        chosen = in_order(chosen) | CASES.get(self.tool.name, {}).get("with", {})
        instead = CASES.get(self.tool.name, {}).get("instead", {})
        others = [name for name in self.schema["properties"] if name not in {*chosen, *NO_CALL}]
        self.chance.shuffle(others)
        for name in others[: self.chance.randrange(len(others) + 1)]:
            drawn = self.value(name, self.schema["properties"][name])
            more = {**chosen, name: instead.get(name, drawn)}
            chosen = more if await self.fits(more) else chosen
        return chosen

    def broken(self) -> Iterator[dict[str, Any]]:
        """Yield the arguments of a valid call with one mistake, for each possible mistake."""
        good = self.arguments()
        yield {**good, "no_such_argument": 1}
        for name in self.schema.get("required", ()):
            yield {argument: value for argument, value in good.items() if argument != name}
        for name, field in self.schema["properties"].items():
            if "enum" in field or field.get("type") in ("integer", "number", "boolean"):
                yield {**good, name: "nonsense"}
            elif field.get("type") == "array":
                yield {**good, name: 5}

    async def fits(self, arguments: dict[str, Any]) -> bool:
        """Whether the tool's own rules allow these arguments. Nothing is sent."""

        async def stop(*_args: Any) -> Any:
            raise StoppedError

        try:
            checked = read_arguments(self.model, self.schema, arguments)
            await call_flat(self.tool, Portkey(self.recorded.settings, stop), checked)
        except StoppedError:
            return True
        except PortkeyAdminError:
            return False
        return True

    def sent(self, arguments: dict[str, Any]) -> list[tuple[str, str, Any]] | None:
        """Call the tool on the emulator. Returns the requests sent, None if there were none."""
        self.recorded.requests.clear()
        api = Portkey(self.recorded.settings, self.recorded)
        try:
            checked = read_arguments(self.model, self.schema, arguments)
            asyncio.run(call_flat(self.tool, api, checked))
        except PortkeyAdminError:
            pass
        return list(self.recorded.requests) or None

    def value(self, name: str, schema: Schema) -> Any:
        """A value that the schema allows."""
        pick = self.chance.choice
        kinds = schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else pick(kinds)
        if "enum" in schema:
            return pick(schema["enum"])
        if kind == "object":
            return self.parts(schema)
        if kind == "array":
            return [self.value(name, schema.get("items", {})) for _ in range(pick((1, 2)))]
        if kind in ("integer", "number"):
            minimum = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(minimum + pick((0, 1, 5)), schema.get("maximum", 10**9))
        constants = {"boolean": [True, False], "null": [None]}.get(kind)
        samples = constants or FORMATS.get(schema.get("format", "")) or PATTERNED.get(name)
        if name in ("metadata", "email", "alert_emails") and not constants:
            samples = ['{"a":"b"}'] if name == "metadata" else FORMATS["email"]
        return pick(samples or TEXTS)

    def parts(self, schema: Schema) -> dict[str, Any]:
        """An object with its required fields and some of the others."""
        fields = schema.get("properties", {})
        needed = schema.get("required", ())
        chosen = [name for name in fields if name in needed or self.chance.random() < 0.5]
        free = {} if fields else {"a": "b"}
        return {name: self.value(name, fields[name]) for name in chosen} or free
