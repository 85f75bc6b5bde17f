"""The project's rules for tools, checked for every tool."""

import ast
import inspect
import json
import re
import runpy
from pathlib import Path
from typing import get_type_hints

import pytest

from each import for_each
from openapi import ANYWHERE, KNOWN_REQUESTS, OPERATIONS, fields_of, shape
from portkey_admin_mcp.domains import DOMAINS, GROUPS, TOOLSETS, WORKFLOWS
from portkey_admin_mcp.emulator.core.routing import ROUTES
from portkey_admin_mcp.errors import PortkeyAdminError
from portkey_admin_mcp.models.core.base import Arguments, unsent
from portkey_admin_mcp.models.log_exports import ExportContent
from portkey_admin_mcp.portkey.catalog import tool_of, tools_in
from portkey_admin_mcp.server.calls.failures import ADVICE
from portkey_admin_mcp.server.loading import SOURCES
from portkey_admin_mcp.server.mcp.definitions import all_tools, describe
from portkey_admin_mcp.tools import domain_modules
from portkey_admin_mcp.workflows import workflow_modules

TESTS = Path(__file__).parents[1]
PACKAGE = Path(inspect.getfile(PortkeyAdminError)).parent
TOOLS = all_tools()
ENDPOINT_TOOLS = [tool for tool in tools_in(domain_modules()) if tool.endpoints]
"""The tools of one endpoint each, also those that only a workflow uses."""
TYPESCRIPT = json.loads((TESTS / "facts/typescript_tools.json").read_text())["tools"]
PLANS = json.loads((TESTS / "facts/plans.json").read_text())["operations"]
SCOPES = json.loads((TESTS / "facts/scopes.json").read_text())["operations"]
BEYOND = json.loads((TESTS / "facts/beyond_openapi.json").read_text())["operations"]
INTENTS = json.loads((TESTS / "search/intents.json").read_text())
TOOLS_OF = {domain: {t.name for t in TOOLS if t.domain == domain} for domain in TOOLSETS}
SAYS_IT_ALL = {
    "alias", "aws_access_key_id", "aws_region", "aws_secret_access_key", "credit_limit",
    "custom_host", "default_provider_slug", "vertex_project_id", "vertex_region",
    "default_metadata", "deployment_name", "description", "email",
    "first_name", "last_name", "name", "note", "page_size", "rate_limits", "secret_key", "slug",
    "value", "model", "version_description", "app", "env", "client_id", "project_id", "feature",
    "request_method", "metadata_organization", "metadata_trace_id", "metadata_span_id",
    "metadata_span_name", "metadata_parent_span_id", "target_env", "workspace_slug", "configs",
    "virtual_keys", "api_key_ids", "ids",
}  # fmt: skip
"""Arguments whose name is clear: a description would cost tokens in every conversation."""
PRESENTATION = {"fields", "format"}
"""Arguments of every list, which the server's instructions explain."""


def by_name(tool):
    return tool.name


def schema(tool):
    return describe(tool)["inputSchema"]


def statements(function):
    """The statements of a function after its docstring."""
    (definition,) = ast.parse(inspect.getsource(function)).body
    return list(map(ast.unparse, definition.body[1:]))


def groups_of(tool):
    """The groups of arguments that a tool's signature names."""
    hints = get_type_hints(tool.function, include_extras=True).values()
    return [hint for hint in hints if isinstance(hint, type) and issubclass(hint, Arguments)]


@for_each(tools_in(domain_modules()), by_name)
def test_a_tool_is_a_declaration_and_nothing_else(tool):
    assert statements(tool.function) == ["..."]


@for_each(ENDPOINT_TOOLS, by_name)
def test_every_placeholder_of_a_path_is_filled_by_the_signature(tool):
    (endpoint,) = tool.endpoints
    placeholders = set(re.findall(r"\{(\w+)\}", endpoint))
    plain = {n for n in inspect.signature(tool.function).parameters if n in placeholders}
    grouped = {name for group in groups_of(tool) for name in group.in_path}

    assert plain | grouped == placeholders
    assert not plain & grouped


@for_each(TOOLS, by_name)
def test_a_description_is_short_and_begins_with_a_sentence(tool):
    lines = tool.description.splitlines()

    assert lines[0].endswith(".")
    assert len(lines) <= 6


@for_each(TOOLS, by_name)
def test_an_argument_says_what_it_is(tool):
    for name, field in schema(tool)["properties"].items():
        keywords = field.keys() & {
            "description",
            "enum",
            "format",
            "items",
            "pattern",
            "properties",
        }
        is_clear_by_name = field.get("type") in ("boolean", "integer", "number") or re.search(
            "_(min|max|at)$|^api_version$|^resource_name$", name
        )
        assert (
            keywords or is_clear_by_name or name in SAYS_IT_ALL | PRESENTATION | {"organisation_id"}
        ), (
            f"{name}: give it a description where it is declared; if its name says it all, add it "
            "to SAYS_IT_ALL"
        )


@for_each(TOOLS, by_name)
def test_names_are_portable_and_hints_complete(tool):
    definition = describe(tool)
    name, hints = definition["name"], definition["annotations"]

    assert re.fullmatch(r"[a-z][a-z_]*", name)
    assert len(name) <= 40 or (tool.name in TYPESCRIPT and len(name) <= 44)
    assert definition["title"]
    assert None not in hints.values()
    assert hints["readOnlyHint"] == (tool.effect == "read")
    assert hints["destructiveHint"] == (tool.effect in ("overwrite", "delete"))


@for_each(TOOLS, by_name)
def test_a_schema_is_flat_and_portable(tool):
    text = json.dumps(schema(tool))

    assert schema(tool)["type"] == "object"
    assert '"$ref"' not in text
    assert '"$defs"' not in text
    assert not {"anyOf", "oneOf", "allOf"} & schema(tool).keys()


@for_each(ENDPOINT_TOOLS, by_name)
def test_the_endpoint_and_its_fields_are_portkeys(tool):
    """Each field we send is in Portkey's OpenAPI file, or in spec_known.json with a reason."""
    (endpoint,) = tool.endpoints
    operation = next((each for each in OPERATIONS if shape(each) == shape(endpoint)), None)
    if operation is None or endpoint in BEYOND:
        assert BEYOND.get(endpoint), SOURCE_IS_MISSING.format(endpoint)
        return
    excused = {k["field"] for k in KNOWN_REQUESTS if shape(k["operation"]) == shape(endpoint)}
    excused |= {*ANYWHERE, *LOCAL.get(tool.name, ())}

    sent = {
        (field.serialization_alias or name).partition(".")[0]
        for group in groups_of(tool)
        for name, field in group.model_fields.items()
        if not unsent(field) and name not in group.in_path and group.sent_in != "nowhere"
    }

    assert sent - excused - fields_of(operation) == set(), (
        f"{operation} has no such fields in Portkey's OpenAPI file: correct their names, or add "
        "them with where they are known from to tests/spec_known.json"
    )


SOURCE_IS_MISSING = (
    "{0} is not in Portkey's OpenAPI file: correct it, or add it with where it is known from to "
    "tests/facts/beyond_openapi.json"
)
SHORT_FORMS = ("credit_limit", "alert_threshold", "rate_limit_rpm")
PROVIDER_FORMS = (
    "credit_limit", "alert_threshold", "usage_limit_type", "periodic_reset",
    "rate_limit_value", "rate_limit_unit",
)  # fmt: skip
AZURE = ("api_version", "resource_name", "deployment_name")
EXPORT = {name for name in ExportContent.model_fields if name not in ExportContent.not_filters}
LOCAL = {
    # Expanded or used by this server, and not sent under these names.
    "create_api_key": SHORT_FORMS,
    "update_api_key": SHORT_FORMS,
    "create_virtual_key": SHORT_FORMS,
    "update_virtual_key": SHORT_FORMS,
    "add_workspace_member": ("user_id", "role"),
    "create_provider": PROVIDER_FORMS,
    "update_provider": PROVIDER_FORMS,
    "create_integration": AZURE,
    "update_integration": AZURE,
    "create_prompt": ("messages",),
    "update_prompt": ("messages",),
    "create_log_export": EXPORT | {"time_of_generation_min", "time_of_generation_max"},
}


@for_each(ENDPOINT_TOOLS, by_name)
def test_the_emulator_asks_for_the_scope_and_the_plan_that_the_tool_says(tool):
    """Tools and emulator share no code, so a mistake in either fails this test."""
    route = ROUTES.get(tool.endpoints[0])

    assert route is not None, f"add a handler to src/portkey_admin_mcp/emulator/{tool.domain}.py"
    assert route.scopes == tool.scopes
    assert route.enterprise == tool.enterprise
    assert (route.who == "anyone") == (not tool.needs_key)


@for_each(ENDPOINT_TOOLS, by_name)
def test_the_plan_is_the_one_that_portkeys_documentation_names(tool):
    named_plans = {shape(endpoint): plan for endpoint, plan in PLANS.items()}
    plan = named_plans.get(shape(tool.endpoints[0]))

    if plan is None:
        assert tool.endpoints[0] in BEYOND, SOURCE_IS_MISSING.format(tool.endpoints[0])
    else:
        assert tool.enterprise == (plan == "enterprise")


OTHER_SCOPES = {
    "list_workspaces": "the help center names workspaces.read, though workspaces.list is a scope",
    **dict.fromkeys(
        ("list_providers", "create_provider", "get_provider", "update_provider", "delete_provider"),
        "the help center adds virtual_keys.* without saying when it is needed",
    ),
}
"""Tools whose scope differs from the documented one, and why."""


@for_each(ENDPOINT_TOOLS, by_name)
def test_the_scope_is_the_one_that_portkeys_documentation_names(tool):
    documented = {shape(endpoint): scopes for endpoint, scopes in SCOPES.items()}
    scopes = documented.get(shape(tool.endpoints[0]))
    ours = sorted({scope for any_of in tool.scopes for scope in any_of})

    if scopes is not None:
        assert (ours == scopes) == (tool.name not in OTHER_SCOPES)


CAN_BE_UNDONE = {
    "delete_user_invite": "invited again",
    "remove_workspace_member": "added again",
    "delete_scim_workspace_mapping": "mapped again",
    "disconnect_mcp_server_connection": "signed in again",
}
"""Tools that delete something which can be created again without loss, and how."""


@for_each(TOOLS, by_name)
def test_what_cannot_be_undone_or_costs_or_shows_a_secret_says_so(tool):
    description = tool.description.lower()

    if tool.effect == "delete" and tool.name not in CAN_BE_UNDONE:
        assert re.search(r"undone|archiv", description)
    if tool.is_billable:
        assert "billed" in description
    if tool.returns_secret:
        assert re.search(r"secret|only now|shown once|only shown", description)
    if tool.unconfirmed and tool.unconfirmed.startswith("In Portkey's OpenAPI file"):
        assert "lack this" in description or "older name" in description


SIBLINGS = {
    "create_log_export": ["start_log_export"],
    "create_prompt": ["migrate_prompt"],
    "delete_user": ["remove_workspace_member"],
    "get_analytics_group_models": ["get_analytics_group"],
    "get_analytics_group_providers": ["get_analytics_group"],
    "get_cost_analytics": ["get_analytics_group", "get_analytics_group_users"],
    "get_error_analytics": ["get_error_rate_analytics"],
    "get_prompt": ["list_prompt_versions", "get_prompt_version"],
    "get_trace": ["get_log"],
    "get_user_stats": ["get_analytics_group_users"],
    "get_users_analytics": ["get_analytics_group_users"],
    "list_configs": ["get_config"],
    "list_prompts": ["get_prompt"],
    "migrate_prompt": ["publish_prompt"],
    "promote_prompt": ["publish_prompt"],
    "remove_workspace_member": ["delete_user"],
    "render_prompt": ["run_prompt_completion"],
    "run_prompt_completion": ["render_prompt"],
    "start_log_export": ["get_log_export"],
    "update_config": ["get_config"],
    "update_prompt": ["publish_prompt"],
    "update_prompt_partial": ["publish_partial"],
    "update_prompt_version": ["update_prompt"],
}
"""Tools that are easily confused with others or need them, and the tools they must name."""


@for_each(SIBLINGS)
def test_a_tool_names_those_it_is_easily_taken_for(name):
    (tool,) = [each for each in TOOLS if each.name == name]

    assert [other for other in SIBLINGS[name] if f"`{other}`" not in tool.description] == []


@for_each(TOOLS, by_name)
def test_a_description_names_only_tools_that_there_are(tool):
    names = {each.name for each in TOOLS}
    arguments = schema(tool)["properties"]
    text = json.dumps([tool.description, schema(tool)])
    mentioned = set(re.findall(r"`((?:get|list|create|update|delete|start)_\w+)`", text))

    assert mentioned <= names | set(arguments)


def test_the_page_of_coverage_says_the_scope_and_the_plan_of_every_endpoint():
    page = runpy.run_path(str(TESTS.parent / "scripts/write_docs.py"))["coverage_page"]()
    rows = {}
    for row in page.splitlines():
        if row.startswith("| `"):
            operation, _tools, _emulator, scope, plan = (
                c.strip(" `") for c in row.split("|")[1:-1]
            )
            rows[shape(operation)] = (scope, plan)

    for part in ENDPOINT_TOOLS:
        plan = "Enterprise" if part.enterprise else "all"
        expected = (part.scopes_in_words or "–", plan)
        endpoint = part.endpoints[0]
        assert rows.get(shape(endpoint)) == expected, SOURCE_IS_MISSING.format(endpoint)


def test_the_emulator_answers_every_endpoint_and_nothing_else():
    offered = {endpoint for tool in TOOLS for endpoint in tool.endpoints}

    assert offered - set(ROUTES) == set(), "add handlers to src/portkey_admin_mcp/emulator"
    assert set(ROUTES) - offered == set(), "these handlers are of no tool: remove them"


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_has_its_files_its_group_and_its_search_phrases(name):
    files = [PACKAGE / layer / f"{name}.py" for layer in ("models", "tools", "emulator")]
    files += [TESTS / layer / f"test_{name}.py" for layer in ("tools", "emulator")]
    groups = [group for group in GROUPS if group != "all" and name in GROUPS[group]]
    phrases = [phrase for phrase, tools in INTENTS.items() if {*tools} & TOOLS_OF[name]]

    missing = [str(file.relative_to(TESTS.parent)) for file in files if not file.exists()]
    assert missing == [], "write these files"
    assert groups, f"add {name} to one of GROUPS in src/portkey_admin_mcp/domains.py"
    assert phrases, (
        f"write into tests/search/intents.json what a user says who needs a tool of {name}"
    )


def test_every_file_of_tools_is_a_listed_domain():
    files = {file.stem for file in (PACKAGE / "tools").glob("*.py")} - {"__init__"}

    assert files == set(DOMAINS), "list the domain in src/portkey_admin_mcp/domains.py"


def test_every_file_of_workflows_is_a_listed_tool_and_every_folder_is_watched():
    folder = PACKAGE / "workflows"
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    folders = {file.parent.relative_to(PACKAGE).as_posix() for file in folder.glob("**/*.py")}

    assert files == set(WORKFLOWS), "list it in WORKFLOWS, or move it to a folder of workflows"
    assert folders <= set(SOURCES), "list it in WORKFLOW_PARTS in server/loading.py"


def test_every_error_comes_with_advice():
    assert set(family(PortkeyAdminError)) == set(ADVICE), "add it to server/calls/failures.py"


@pytest.mark.parametrize(
    "module", workflow_modules(), ids=lambda module: module.__name__.rpartition(".")[2]
)
def test_a_workflow_declares_the_tools_it_calls(module):
    shared = [each for each in vars(module).values() if isinstance(each, tuple)]
    values = [*vars(module).values(), *(member for each in shared for member in each)]
    members = [value for value in values if hasattr(value, "__tool__")]
    borrowed = [tool_of(m) for m in members if m.__module__ != module.__name__]
    (own,) = [tool_of(m) for m in members if m.__module__ == module.__name__]

    assert sorted(own.endpoints) == sorted(e for tool in borrowed for e in tool.endpoints)
    needed = [tool for tool in borrowed if not {*tool.endpoints} <= {*own.optional}]
    assert own.scopes == frozenset().union(*(tool.scopes for tool in needed))


def test_the_same_choices_are_written_in_the_same_order():
    """Python caches equal unions: the order in a schema would depend on which was built first."""
    orders = {}
    texts = [file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")]
    for text in (text for text in texts if "Literal[" in text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
                choices = tuple(ast.unparse(node.slice).strip("()").split(", "))
                orders.setdefault(frozenset(choices), set()).add(choices)

    assert [sorted(group) for group in orders.values() if len(group) > 1] == []


def test_functions_and_files_are_small():
    longest = {t.name: len(inspect.getsource(t.function).splitlines()) for t in TOOLS}
    files = {
        str(file.relative_to(PACKAGE)): len(file.read_text().splitlines())
        for file in PACKAGE.rglob("*.py")
    }

    assert {name: lines for name, lines in longest.items() if lines > 27} == {}
    assert {name: lines for name, lines in files.items() if lines > 340} == {}


def family(cls):
    return [cls, *(d for sub in cls.__subclasses__() for d in family(sub))]
