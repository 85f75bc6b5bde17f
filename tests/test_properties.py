"""Any arguments of a tool lead to an answer or to advice, and to no undeclared request."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from each import for_each
from mcp_texts import unmarked
from portkey_admin_mcp.domains import CHANGES
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.catalog import Tool
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.executor import Executor
from portkey_admin_mcp.server.calls.schema import Schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.settings import Settings
from texts import any_text

TOOLS = {tool.name: tool for tool in all_tools() if tool.domain != CHANGES}
"""The tools of Portkey's endpoints; the server's own ones look at these, and send nothing."""
DOMAINS: dict[str, list[str]] = {}
for tool in TOOLS.values():
    DOMAINS.setdefault(tool.domain, []).append(tool.name)
SEEDED = Emulator("acme", frozen_time)
NAMES = sorted({name for tool in TOOLS.values() for name in arguments_model(tool).model_fields})

TEXT = any_text()


def objects_of(
    names: st.SearchStrategy[str], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with at most three fields; drawn faster than by `st.dictionaries`."""
    return st.lists(st.tuples(names, values), max_size=3).map(dict)


def json_of(depth: int) -> st.SearchStrategy[Any]:
    """JSON values with lists and objects that are nested at most so deep.

    As `st.recursive`, which draws each value through two more strategies, and draws anew what has
    too many leaves.
    """
    values = [st.none(), st.booleans(), st.integers(), st.floats(), TEXT]
    for _ in range(depth):
        inner = st.one_of(values)
        values += [st.lists(inner, max_size=3), objects_of(TEXT, inner)]
    return st.one_of(values)


@st.composite
def any_json(draw: st.DrawFn) -> Any:
    """A JSON value; one branch of a union, so that unions draw what fits more often."""
    return draw(ANY_JSON)


ANY_JSON = json_of(4)
JSON = any_json()
IDS = st.sampled_from(
    sorted(
        {
            row[name]
            for table in ("users", "workspaces", "configs", "api_keys", "virtual_keys", "invites")
            for row in SEEDED.store.table(table).rows()
            for name in ("id", "slug", "name", "email")
            if row.get(name)
        }
    )
)
AWKWARD = st.sampled_from(["", ".", "..", "../users", "a/b", "%2e%2e", "?x=1", "#", "\r\n", "\x00"])
TIMES = st.sampled_from(["2026-11-02T09:00:00Z", "2026-11-02 09:00", "9999-12-31T23:59:59-23:00"])
EMAILS = st.sampled_from(
    ["a@new.example", "'o'b+c@xn--bcher-kva.example", "a@b", "@", "é@a.example"]
)
STRINGS = IDS | AWKWARD | TIMES | EMAILS | TEXT


FITTING: dict[str, st.SearchStrategy[Any]] = {
    "string": STRINGS,
    "integer": st.integers(0, 200) | st.integers() | st.just(1_800_000),
    "number": st.floats(),
    "boolean": st.booleans(),
    "object": objects_of(STRINGS, JSON),
}


def fitting(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that this schema allows, and some that it nearly allows."""
    kinds = schema.get("type", ["any"])
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        return arguments(schema)
    if kind == "array":
        return st.lists(fitting(schema.get("items", {})), max_size=3)
    return FITTING.get(kind, JSON)


def arguments(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """All required arguments and some of the others, mostly of the right type."""
    fields = {name: fitting(field) | JSON for name, field in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


class Watched:
    """The emulator as a transport that records the requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self._emulator = Emulator("acme", frozen_time)
        self._seed = self._emulator.store.dump()
        self._answer = InProcess(self._emulator)

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
        self.requests.append((method, path.partition("?")[0].removeprefix("/v1")))
        return await self._answer(method, target, headers, body)

    def rewind(self) -> None:
        """Forget the requests, and undo their changes."""
        if any(method != "GET" for method, _ in self.requests):
            self._emulator.store.load(self._seed)
        self.requests.clear()


@cache
def watched() -> Watched:
    """The emulator of all tools, which each call rewinds before it begins."""
    return Watched()


class Bench:
    """A tool as the server offers it, on a watched emulator."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.watched = watched()
        self.key = ""
        self._executor = Executor(tool, self._portkey)
        self.arguments = arguments(self._executor.schema)
        own_names = sorted(self._executor.schema["properties"])
        names = st.sampled_from(own_names or NAMES) | st.sampled_from(NAMES) | TEXT
        self.any_arguments = st.dictionaries(names, JSON, max_size=8)

    async def check(self, arguments: dict[str, Any], key: str) -> None:
        """Call the tool, and check its result and its requests."""
        self.watched.rewind()
        self.key = SEEDED.keys()[key]
        outcome = await self._executor.run(arguments)
        if outcome.is_error:
            advice = "\n".join(outcome.texts)
            assert len(advice.split()) > 3
            assert not [bad for bad in ("Traceback", 'File "', self.key) if bad in advice]
            assert ("Nothing was sent." in advice) == (self.watched.requests == [])
        else:
            assert fields_of(unmarked(outcome.texts[0])) == fields_of(outcome.structured)
            assert self.watched.requests != [] or not self.tool.endpoints
        assert all(is_declared(request, self.tool) for request in self.watched.requests)

    def _portkey(self) -> Portkey:
        return Portkey(Settings(PORTKEY_API_KEY=SecretStr(self.key)), self.watched)


def fields_of(answer: Any) -> Any:
    """The fields of an answer: as JSON, or as a table in CSV with the other fields after it."""
    if isinstance(answer, str):
        table, _, rest = answer.rpartition("\n")
        answer = {**json.loads(rest), "csv": table} if table else json.loads(rest)
    return {name: value for name, value in answer.items() if (name, value) != ("csv", "")}


def is_declared(request: tuple[str, str], tool: Tool) -> bool:
    """Whether this is a request to one of the endpoints that the tool says it uses."""
    method, path = request
    return any(method == verb and _fits(path, declared) for verb, declared in _endpoints(tool))


def _endpoints(tool: Tool) -> list[tuple[str, str]]:
    return [(verb, path) for verb, _, path in (e.partition(" ") for e in tool.endpoints)]


def _fits(path: str, declared: str) -> bool:
    segments, names = path.split("/"), declared.split("/")
    return len(segments) == len(names) and all(map(_segment_fits, segments, names))


def _segment_fits(segment: str, name: str) -> bool:
    if not name.startswith("{"):
        return segment == name
    ending = name.partition("}")[2]
    value = unquote(segment.removesuffix(ending))
    return segment.endswith(ending) and value not in ("", ".", "..")


@cache
def bench(name: str) -> Bench:
    """The bench of a tool, built once: hypothesis runs a test many times."""
    return Bench(TOOLS[name])


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One event loop for all calls, which are faster than the start of another one."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


KEYS = st.sampled_from(["owner", "owner", "admin", "workspace-service", "scopeless"])


FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(FEW, max_examples=6)
"""For arguments that are mostly refused because of their names."""


@pytest.mark.parametrize("domain", DOMAINS)
def test_arguments_that_nearly_fit_are_answered_or_refused_in_words(domain, loop):
    @for_each(DOMAINS[domain])
    def check_tool(name):
        @FEW
        @given(arguments=bench(name).arguments, key=KEYS)
        def check_call(arguments, key):
            loop.run_until_complete(bench(name).check(arguments, key))

        check_call()

    check_tool()


@pytest.mark.parametrize("domain", DOMAINS)
def test_any_json_for_arguments_is_answered_or_refused_in_words(domain, loop):
    @for_each(DOMAINS[domain])
    def check_tool(name):
        @FEWER
        @given(arguments=bench(name).any_arguments)
        def check_call(arguments):
            loop.run_until_complete(bench(name).check(arguments, "owner"))

        check_call()

    check_tool()
