"""What the catalog notes about a function, and what it leaves alone."""

import asyncio
from types import ModuleType

import pytest

from portkey_admin_mcp.models.core.base import ABSENT, Arguments, Record
from portkey_admin_mcp.portkey.catalog import (
    NO_ENDPOINT,
    Tool,
    all_of,
    tool,
    tool_of,
    tools_in,
    workflow,
)


@tool("GET /api-keys/{id}", scope=("b.read", "a.read"))
async def get_api_key(api: object, id: str) -> Record:
    """Read a key.

    Slowly.
    """


@tool("DELETE /things/{id}", scope="things.delete", enterprise=True, is_listed=False)
async def delete_thing(api: object, id: str) -> None:
    """Delete a thing."""


@workflow(get_api_key, delete_thing, effect="delete")
async def replace_thing(api: object, id: str) -> None:
    """Replace a thing."""


def test_calling_a_tool_sends_the_request_it_declares():
    requests = []

    class Api:
        async def send(self, verb, path, *, ids, query, body, **_facts):
            requests.append((verb, path, ids, query, body))
            return Record()

    asyncio.run(get_api_key(Api(), id="k"))

    assert requests == [("GET", "/api-keys/{id}", {"id": "k"}, None, None)]


class Plan(Arguments):
    dry_run: bool = ABSENT

    def local_answer(self):
        return {"planned": True} if self.dry_run else None


@tool(NO_ENDPOINT, scope=None, effect="read")
async def check_plan(api: object, plan: Plan) -> Record:
    """Check a plan."""


@tool("POST /plans", scope="plans.create")
async def create_plan(api: object, plan: Plan) -> Record:
    """Create a plan."""


def test_a_call_with_a_local_answer_sends_nothing():
    for function in (check_plan, create_plan):
        record = asyncio.run(function(None, Plan(dry_run=True)))

        assert record.answer() == {"planned": True}


def test_a_call_without_a_local_answer_is_sent():
    with pytest.raises(AttributeError, match="send"):
        asyncio.run(create_plan(None, Plan(dry_run=False)))


def test_a_tool_without_an_endpoint_declares_none():
    assert tool_of(check_plan).endpoints == ()
    assert tool_of(check_plan).scopes == frozenset()


def test_a_call_that_does_not_fit_the_signature_is_refused_as_python_would():
    with pytest.raises(TypeError, match="id"):
        asyncio.run(get_api_key(None))


def test_scopes_may_all_be_needed():
    async def insert(api: object) -> Record:
        """Insert."""

    noted = tool_of(tool("POST /logs", scope=all_of("logs.write", ("a", "b")))(insert))

    assert noted.scopes == {("logs.write",), ("a", "b")}
    assert noted.scopes_in_words == "a or b and logs.write"


def test_a_tool_is_described_by_its_function():
    noted = tool_of(get_api_key)

    assert (noted.name, noted.title) == ("get_api_key", "Get API key")
    assert noted.description == "Read a key.\n\nSlowly."
    assert noted.domain == __name__.rpartition(".")[2]
    assert (noted.effect, noted.enterprise, noted.is_listed) == ("read", False, True)


@pytest.mark.parametrize(
    ("verb", "effect"),
    [("GET", "read"), ("POST", "create"), ("PUT", "overwrite"), ("DELETE", "delete")],
)
def test_the_verb_tells_the_effect_unless_it_lies(verb, effect):
    async def function(api: object) -> None:
        """Do it."""

    assert tool_of(tool(f"{verb} /things", scope="s")(function)).effect == effect
    assert tool_of(tool(f"{verb} /things", scope="s", effect="read")(function)).effect == "read"


def test_a_workflow_needs_no_scopes_of_the_requests_it_can_do_without():
    @workflow(replace_thing, optional=(get_api_key,), effect="overwrite")
    async def replace_and_look(api: object) -> Record:
        """Replace it, and look."""

    noted = tool_of(replace_and_look)

    assert noted.endpoints == (*tool_of(replace_thing).endpoints, *tool_of(get_api_key).endpoints)
    assert noted.optional == tool_of(get_api_key).endpoints
    assert noted.scopes == tool_of(replace_thing).scopes


def test_scopes_are_told_in_words():
    assert tool_of(get_api_key).scopes_in_words == "b.read or a.read"
    assert tool_of(replace_thing).scopes_in_words == "b.read or a.read and things.delete"


def test_a_workflow_needs_whatever_its_parts_need():
    assert tool_of(replace_thing) == Tool(
        replace_thing,
        endpoints=("GET /api-keys/{id}", "DELETE /things/{id}"),
        scopes=frozenset({("b.read", "a.read"), ("things.delete",)}),
        effect="delete",
        enterprise=True,
    )


def test_a_module_lists_its_own_tools_in_the_order_they_are_written():
    location = ModuleType(__name__)
    borrowed = ModuleType("borrowed")
    for module in (location, borrowed):
        module.replace_thing, module.get_api_key = replace_thing, get_api_key

    assert tools_in([borrowed, location]) == [tool_of(replace_thing), tool_of(get_api_key)]
