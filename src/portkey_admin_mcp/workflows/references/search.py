"""Which stored objects name a text, and where in them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...portkey.catalog import Dependants, Function, tool_of
from ...portkey.masking import MASK, masked
from ...portkey.references import (
    API_KEYS,
    COLLECTIONS,
    CONFIGS,
    DEFAULT_INPUT_GUARDRAILS,
    DEPLOYMENTS,
    GUARDRAILS,
    GUARDRAILS_OF_ORGANISATION,
    INTEGRATION_MODELS,
    INTEGRATION_WORKSPACES,
    INTEGRATIONS,
    LABELS,
    MCP_INTEGRATION_WORKSPACES,
    MCP_INTEGRATIONS,
    MCP_SERVERS,
    PARTIALS,
    PROMPT_VERSIONS,
    PROMPTS,
    PROVIDERS,
    RATE_LIMITS,
    SECRET_REFERENCES,
    USAGE_LIMITS,
    VIRTUAL_KEYS,
    WORKSPACES,
    names_one_of,
    texts_in,
)
from ...tools.api_keys import list_api_keys
from ...tools.collections import list_collections
from ...tools.configs import get_config, list_configs
from ...tools.deployments import list_deployments
from ...tools.guardrails import get_guardrail, list_guardrails
from ...tools.integrations import (
    get_integration,
    list_integration_models,
    list_integration_workspaces,
    list_integrations,
)
from ...tools.labels import list_prompt_labels
from ...tools.mcp_integrations import (
    get_mcp_integration,
    list_mcp_integration_workspaces,
    list_mcp_integrations,
)
from ...tools.mcp_servers import list_mcp_servers
from ...tools.organisation import get_organisation_defaults
from ...tools.partials import get_prompt_partial, list_prompt_partials
from ...tools.prompts import get_prompt, list_prompt_versions, list_prompts
from ...tools.providers import list_providers
from ...tools.rate_limits import list_rate_limits
from ...tools.secret_references import list_secret_references
from ...tools.usage_limits import list_usage_limits
from ...tools.virtual_keys import list_virtual_keys
from ...tools.workspaces import get_workspace, list_workspaces
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Workspace

LISTS = {
    "configs": (CONFIGS,),
    "prompts": (PROMPTS,),
    "partials": (PARTIALS,),
    "guardrails": (GUARDRAILS, GUARDRAILS_OF_ORGANISATION),
    "providers": (PROVIDERS, VIRTUAL_KEYS),
    "integrations": (INTEGRATIONS,),
    "mcp": (MCP_SERVERS, MCP_INTEGRATIONS),
    "workspaces": (WORKSPACES,),
    "api_keys": (API_KEYS,),
    "limits": (USAGE_LIMITS, RATE_LIMITS),
    "collections": (COLLECTIONS,),
    "labels": (LABELS,),
    "organisation": (SECRET_REFERENCES, DEPLOYMENTS),
}
"""The lists of each kind of object that may name others."""
INSIDE = {
    INTEGRATIONS: (INTEGRATION_MODELS, INTEGRATION_WORKSPACES),
    MCP_INTEGRATIONS: (MCP_INTEGRATION_WORKSPACES,),
}
"""Lists inside an object, which belong to what it names."""
LISTING = (
    list_configs, list_prompts, list_prompt_partials, list_guardrails, list_providers,
    list_virtual_keys, list_integrations, list_mcp_servers, list_mcp_integrations, list_api_keys,
    list_usage_limits, list_rate_limits, list_collections, list_prompt_labels,
    list_secret_references, list_deployments, get_config, get_prompt, list_prompt_versions,
    get_prompt_partial, get_guardrail, get_integration, list_integration_models,
    list_integration_workspaces, get_mcp_integration, list_mcp_integration_workspaces,
    get_organisation_defaults, list_workspaces, get_workspace,
)  # fmt: skip
BY_ENDPOINT: dict[str, Function] = {
    endpoint: each for each in LISTING for endpoint in tool_of(each).endpoints
}
PLACE_FIELDS = (
    "workspace_id", "workspace_slug", "workspace_name", "prompt_owning_workspace_id",
    "organisation_id", "share_organisation_id", "object", "created_at", "last_updated_at",
)  # fmt: skip
"""Fields at the top of an object that say where it is and what it is: they name nothing."""
ORGANISATION = "organisation_id"
DEFAULTS = DEFAULT_INPUT_GUARDRAILS.at("*", kind="defaults of the organisation")
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass
class Stored:
    """A stored object: its row in a list, and its content if that was read."""

    kind: str
    row: Row
    dependants: Dependants
    workspace: Workspace | None
    content: Row = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    """Where in it the text is named; `~` before those that only contain it as a word."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Its slug and id, as far as it has them."""
        return tuple(str(self.row[name]) for name in ("slug", "id") if self.row.get(name))

    @property
    def own_id(self) -> str:
        """The id by which tools take it: the slug, if it has one."""
        return next(iter(self.ids), "")

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.row.get("name") or self.row.get("title") or "")


async def read_lists(reads: Reads, workspaces: Sequence[Workspace]) -> list[Stored]:
    """The rows of all lists."""
    lists = [(kind, each) for kind in LISTS for each in LISTS[kind] if each is not WORKSPACES]
    jobs = [
        _rows(reads, kind, each, place)
        for kind, each in lists
        if not each.of_organisation
        for place in (workspaces if each.by_workspace else [None])
    ]
    stored = [each for rows in await all_of(*jobs) for each in rows]
    stored += [Stored("workspaces", {**w.fields}, WORKSPACES, w) for w in workspaces if w.fields]
    organisation = next((s.row[ORGANISATION] for s in stored if s.row.get(ORGANISATION)), None)
    jobs = [
        _rows(reads, kind, each, None, organisation) for kind, each in lists if each.of_organisation
    ]
    stored += [each for rows in await all_of(*jobs) for each in rows]
    defaults = await reads.one(get_organisation_defaults)
    stored += [Stored("organisation", defaults, DEFAULTS, None)] if defaults else []
    return _once(stored)


async def _rows(
    reads: Reads,
    kind: str,
    dependants: Dependants,
    workspace: Workspace | None,
    organisation: str | None = None,
) -> list[Stored]:
    """The rows of one list; of the organisation, if its id is given."""
    tool = BY_ENDPOINT[dependants.endpoint]
    fields = {**workspace.selector} if workspace else {}
    if dependants is GUARDRAILS_OF_ORGANISATION:
        if organisation is None:
            reads.note(tool, "the organisation", "its id is not known")
            return []
        fields = {ORGANISATION: organisation}
    rows = await (
        reads.rows(tool, workspace.slug, **fields)
        if workspace
        else reads.rows_anywhere(tool, **fields)
    )
    return [Stored(kind, each, dependants, workspace) for each in rows]


def _once(stored: list[Stored]) -> list[Stored]:
    """Each object once: a list without a workspace may repeat what those of workspaces show."""
    by_id: dict[Any, Stored] = {}
    for each in stored:
        by_id.setdefault((each.kind, each.row.get("id") or each.own_id or each.name), each)
    return [*by_id.values()]


async def read_contents(reads: Reads, stored: Iterable[Stored], has_label: bool) -> None:
    """Read the content of each object, and the lists inside it."""

    async def read(each: Stored) -> None:
        contents = [each.dependants.content] if each.dependants.content else []
        contents += [inside.endpoint for inside in INSIDE.get(each.dependants, ())]
        if has_label and each.kind == "prompts":
            contents.append(PROMPT_VERSIONS.content)
        answers = await all_of(*(_content(reads, each, endpoint) for endpoint in contents))
        for answer in answers:
            each.content |= answer

    await all_of(*map(read, stored))


async def _content(reads: Reads, stored: Stored, endpoint: str) -> Row:
    """What an endpoint says of an object; the rows of a list under the field they came in."""
    tool = BY_ENDPOINT[endpoint]
    ids = {
        name: str(stored.row.get(name) or stored.own_id) for name in PLACEHOLDER.findall(endpoint)
    }
    place = stored.workspace.selector if stored.workspace else {}
    inside = next((e for e in INSIDE.get(stored.dependants, ()) if e.endpoint == endpoint), None)
    if inside is None and endpoint != PROMPT_VERSIONS.content:
        return await reads.one(tool, stored.own_id, **ids, **place) or {}
    rows = [*await reads.rows(tool, stored.own_id, **ids)]
    if inside is None:
        return {"versions": rows}
    return {inside.kind: [each for each in rows if each.get("enabled") is not False]}


class SearchText:
    """What is looked for: the names of one object, or a text."""

    def __init__(self, text: str) -> None:
        self.text = text.strip().removeprefix("@")
        self.names = {self.text}
        self._compile()

    def add(self, stored: Stored) -> None:
        """Look for the other names of an object too."""
        self.names |= {*stored.ids}
        self._compile()

    def _compile(self) -> None:
        names = "|".join(map(re.escape, sorted(self.names, key=len, reverse=True)))
        self._word = re.compile(rf"(?<![\w-])(?<!\w\.)(?:{names})(?![\w-])(?!\.\w)", re.IGNORECASE)
        self._part = re.compile(names, re.IGNORECASE)

    def is_of(self, stored: Stored) -> bool:
        """Whether the text is the id, the slug or the name of an object."""
        return self.text in stored.ids or self.text.casefold() == stored.name.casefold()

    def matches_in(self, stored: Iterable[Stored]) -> tuple[list[Stored], int]:
        """The objects that name it, and how many only have it as a part of a longer word."""
        matches, part_count = [], 0
        for each in stored:
            each.paths, is_part = self.paths_in(each)
            if each.paths:
                matches.append(each)
            elif is_part:
                part_count += 1
        # Those that refer to it come before those whose text has the word.
        return sorted(matches, key=lambda e: all(p[:1] == "~" for p in e.paths)), part_count

    def paths_in(self, stored: Stored) -> tuple[list[str], bool]:
        """Where an object names it, and whether any text has it as a part of a longer word.

        Secrets are hidden first, so that they cannot be searched.
        """
        fields = {**stored.row, **stored.content}
        node = masked({n: v for n, v in fields.items() if n not in PLACE_FIELDS})
        paths, is_part = [], False
        for path, text in texts_in(node):
            if MASK in text and not self._word.search(text.replace(MASK, "")):
                continue
            if path in ("id", "slug"):
                is_part = is_part or bool(self._part.search(text))
            elif names_one_of(text, self.names):
                paths.append(path)
            elif self._word.search(text):
                paths.append(f"~{path}")
            else:
                is_part = is_part or bool(self._part.search(text))
        return paths, is_part
