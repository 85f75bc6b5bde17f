"""What a person has: roles, keys, MCP servers, invitations, groups."""

import re
from collections.abc import Mapping
from datetime import timedelta

from ...models.core.findings import Findings
from ...portkey.api import Portkey
from ...portkey.catalog import Function
from ...suggestions import suggest
from ...tools.analytics import get_analytics_group
from ...tools.api_keys import list_api_keys
from ...tools.mcp_integrations import list_mcp_integrations
from ...tools.mcp_servers import list_mcp_server_user_access, list_mcp_servers
from ...tools.scim import list_scim_workspace_mappings
from ...tools.users import get_user, list_all_users, list_user_invites
from ...tools.workspaces import get_workspace, list_workspace_members, list_workspaces
from ..shared.brief import day, fitted, row, short
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Workspace, is_uuid
from ..shared.traffic import PERSON, Traffic, Use
from .mcp_servers import OF_ALL, Person, mcp_servers_of, owned_mcp_integrations

READS = (
    list_all_users,
    get_user,
    list_user_invites,
    list_workspaces,
    get_workspace,
    list_workspace_members,
    list_api_keys,
    list_mcp_servers,
    list_mcp_server_user_access,
    list_mcp_integrations,
    list_scim_workspace_mappings,
    get_analytics_group,
)
USE_DAYS = 30
MAX_NAMESAKES = 5
"""Users of the same name that are shown."""
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
"""What Portkey takes for an e-mail address."""
NEXT = {
    "workspaces": "remove_workspace_member(workspace_id, user_id)",
    "api_keys": "rotate_api_key(id) or delete_api_key(id)",
    "mcp_servers": "update_mcp_server_user_access(id, users), disconnect_mcp_server_connection(id)",
    "mcp_integrations": "get_mcp_integration(id)",
    "invitations": "delete_user_invite(invite_id)",
    "scim_groups": "the identity provider, or delete_scim_workspace_mapping(mapping_id)",
}
"""What to call next for the rows of each list."""
SHOWN_BY: Mapping[str, tuple[Function, ...]] = {
    "workspaces": (list_workspaces, list_workspace_members),
    "api_keys": (list_api_keys, get_analytics_group),
    "mcp_servers": (list_mcp_servers, list_mcp_server_user_access, list_workspace_members),
    "mcp_integrations": (list_mcp_integrations,),
    "invitations": (list_user_invites,),
    "scim_groups": (list_scim_workspace_mappings, list_workspace_members),
}
"""The tools that show the rows of each list."""
BY_ID = ("api_keys", "mcp_servers", "mcp_integrations")
"""The lists that name a person by the id, which only the list of users may show."""
USERS = (list_all_users, get_user)
CANNOT_TELL = (
    "Portkey's API does not show who is in a SCIM group, nor who knows a service key. Keys are "
    f"'used in their name' where metadata {PERSON} of a request of the last {USE_DAYS} days is "
    "their e-mail address or id. MCP servers are those of the workspaces that the person reaches."
)


async def access_of(api: Portkey, asked_for: str, limit: int | None) -> Findings:
    """Everything that a person has, in all workspaces that the key can see."""
    reads = Reads(api)
    person, workspaces = await all_of(_user(reads, asked_for.strip()), reads.read_workspaces())
    memberships = await _memberships(reads, person, workspaces)
    keys, servers, integrations, invites, groups = await all_of(
        _keys(reads, person, workspaces),
        mcp_servers_of(reads, person, workspaces, memberships),
        owned_mcp_integrations(reads, person),
        _invites(reads, person),
        _groups(reads, memberships),
    )
    reads.require_something()
    lists = {
        "workspaces": [*memberships.values()],
        "api_keys": keys,
        "mcp_servers": servers,
        "mcp_integrations": integrations,
        "invitations": invites,
        "scim_groups": groups,
    }
    return fitted(
        {
            "person": _shown(person),
            "totals": _totals(reads, person, lists),
            "looked_in": reads.looked_in,
            **await _no_user(reads, person, lists),
        },
        lists,
        _tail(reads, person, lists),
        "give a limit, or use the list tools",
        limit,
    )


def _totals(reads: Reads, person: Person, lists: Mapping[str, list[Row]]) -> Row:
    """How many rows each list has, in words if some may not have been read."""

    def tools_of(name: str) -> tuple[Function, ...]:
        needs_id = name in BY_ID and not (person.is_user or person.fields)
        return (*SHOWN_BY[name], *(USERS if needs_id else ()))

    return {name: reads.total(len(rows), *tools_of(name)) for name, rows in lists.items()}


def _shown(person: Person) -> Row:
    return row(
        id=person.id,
        email=person.email,
        name=short(person.name),
        organisation_role=person.role or "not known",
        reaches="every workspace, by this role" if person.role in OF_ALL else None,
    )


def _tail(reads: Reads, person: Person, lists: Mapping[str, list[Row]]) -> Row:
    steps = {name: step for name, step in NEXT.items() if lists[name]}
    if person.is_user:
        steps["person"] = "delete_user(user_id): also removes memberships and owned keys"
    return {
        "next": steps,
        "not_seen": reads.not_seen,
        "cannot_tell": CANNOT_TELL,
        "known_by": reads.known_by,
    }


async def _no_user(reads: Reads, person: Person, lists: Mapping[str, list[Row]]) -> Row:
    """A note if the person is no user, with the nearest e-mail address if there is nothing else."""
    if person.is_user or person.fields:
        return {}
    note = "No user of the organisation."
    if person.namesakes:
        some = ", ".join(filter(None, map(short, person.namesakes[:MAX_NAMESAKES])))
        return {"notes": [f"{len(person.namesakes)} users have this name: {some}. Give one."]}
    if not reads.has_all(*USERS):
        note = "Not known whether this is a user: the list of users was not read."
    if not any(lists.values()):
        users = await reads.rows(list_all_users)
        emails = [str(each["email"]) for each in users if each.get("email")]
        note = f"{note} {suggest(person.asked_for, emails)}".strip()
    return {"notes": [note]}


async def _user(reads: Reads, asked_for: str) -> Person:
    """The user with an e-mail address, an id, or a name that only one has."""
    if EMAIL.fullmatch(asked_for):
        rows = [*await reads.rows(list_all_users, email=asked_for)]
    elif is_uuid(asked_for):
        user = await reads.one(get_user, asked_for, user_id=asked_for)
        rows = [user] if user else []
    else:
        users = [Person(asked_for, each, True) for each in await reads.rows(list_all_users)]
        rows = [p.fields for p in users if p.name.casefold() == asked_for.casefold()]
        if len(rows) == 1:
            return Person(asked_for, rows[0], True)
        return Person(asked_for, namesakes=[str(each.get("email")) for each in rows])
    person = Person(asked_for)
    own = next((each for each in rows if person.is_in(each)), None)
    return Person(asked_for, own, True) if own else person


async def _memberships(reads: Reads, person: Person, workspaces: list[Workspace]) -> dict[str, Row]:
    """The workspaces that the person is a member of, by slug; completes what is known of them."""

    async def role_in(workspace: Workspace) -> Row | None:
        if workspace.id is None:
            reads.note(list_workspace_members, "", "the key's workspace is not known")
            return None
        members = await reads.rows(
            list_workspace_members, workspace.slug, workspace_id=workspace.id
        )
        return next((each for each in members if person.is_in(each)), None)

    rows = await all_of(*map(role_in, workspaces))
    listed = {str(each) for each in person.fields.get("workspace_ids") or ()}
    by_slug: dict[str, Row] = {}
    for workspace, member in zip(workspaces, rows, strict=True):
        if member is not None and not person.fields:
            person.fields = member
        is_only_listed = workspace.slug in listed and person.role not in OF_ALL
        if member is not None or is_only_listed:
            by_slug[workspace.slug] = row(
                workspace=workspace.slug,
                name=short(workspace.fields.get("name")),
                role=(member or {}).get("role") or "not known",
            )
    return by_slug


async def _keys(reads: Reads, person: Person, workspaces: list[Workspace]) -> list[Row]:
    """The keys that the person owns, and those whose requests name the person."""
    now = reads.api.now()
    traffic = Traffic(reads, now - timedelta(days=USE_DAYS), now)
    names = [name for name in (person.email, person.id) if name]
    keys, *uses = await all_of(
        reads.rows_anywhere(list_api_keys),
        *(traffic.of_person(name, each) for each in workspaces for name in names),
    )
    used: dict[str, Use] = {}
    for name, use in (item for each in uses for item in each.by_name.items()):
        before = used.get(name)
        used[name] = use if before is None else before + use
    by_id = {str(each.get("id")): each for each in keys}
    owned = [id for id, each in by_id.items() if person.id and each.get("user_id") == person.id]
    rest = sorted({*used} - {*owned}, key=lambda id: -used[id].requests)
    ids = dict.fromkeys([*owned, *rest, *(id for id, k in by_id.items() if _names(k, names))])
    return [
        _key_row(reads, id, by_id.get(id), id in owned, used.get(id))
        | row(names_them_by_default=_names(by_id.get(id, {}), names) or None)
        for id in ids
    ]


def _names(key: Row, names: list[str]) -> bool:
    """Whether the metadata that a key adds to each request names a person."""
    metadata = (key.get("defaults") or {}).get("metadata")
    return isinstance(metadata, dict) and not {*names}.isdisjoint(map(str, metadata.values()))


def _key_row(reads: Reads, id: str, key: Row | None, is_owned: bool, use: Use | None) -> Row:
    fields = key or {}
    return row(
        id=id,
        name=short(fields.get("name")) if key else "not in list_api_keys: deleted, or not visible",
        workspace=reads.slug_of(fields.get("workspace_id")),
        status=fields.get("status"),
        scopes=len(fields.get("scopes") or ()) if key else None,
        owned=is_owned or None,
        requests_in_their_name=use and use.requests,
        last=day(use and use.last_seen),
    )


async def _invites(reads: Reads, person: Person) -> list[Row]:
    if not EMAIL.fullmatch(person.email):
        reads.note(list_user_invites, "", "the e-mail address is not known")
        return []
    return [
        row(
            id=each.get("id"),
            role=each.get("role"),
            status=each.get("status"),
            expires_at=day(each.get("expires_at")),
        )
        for each in await reads.rows(list_user_invites, email=person.email)
        if str(each.get("email") or "").casefold() == person.email.casefold()
    ]


async def _groups(reads: Reads, memberships: Mapping[str, Row]) -> list[Row]:
    """The SCIM groups that may be why the person is in a workspace."""
    mappings = await reads.rows_anywhere(list_scim_workspace_mappings)
    rows = []
    for each in mappings:
        slug = reads.slug_of(each.get("workspace_id"))
        if slug is not None and slug in memberships:
            is_same = str(each.get("role")).casefold() == str(memberships[slug]["role"]).casefold()
            rows.append(
                row(
                    mapping_id=each.get("id"),
                    group=short(each.get("scim_group")),
                    workspace=slug,
                    role=each.get("role"),
                    same_role=is_same,
                )
            )
    return rows
