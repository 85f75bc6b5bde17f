"""A person, and the MCP servers that they may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...tools.mcp_integrations import list_mcp_integrations
from ...tools.mcp_servers import list_mcp_server_user_access, list_mcp_servers
from ..shared.brief import row, short
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Workspace

OF_ALL = ("owner", "admin")
"""Roles in the organisation that reach every workspace without a membership."""


@dataclass
class Person:
    """A person as the lists show them; what is not known is empty."""

    asked_for: str
    fields: Row = field(default_factory=dict)
    is_user: bool = False
    namesakes: list[str] = field(default_factory=list)
    """The e-mail addresses of several users who have the name that was asked for."""

    @property
    def id(self) -> str:
        """Their id; empty if it is not known."""
        return str(self.fields.get("id") or ("" if "@" in self.asked_for else self.asked_for))

    @property
    def email(self) -> str:
        """Their e-mail address; empty if it is not known."""
        return str(self.fields.get("email") or (self.asked_for if "@" in self.asked_for else ""))

    @property
    def role(self) -> str | None:
        """Their role in the organisation; None if it is not known."""
        return self.fields.get("role" if self.is_user else "org_role")

    @property
    def name(self) -> str:
        """First and last name."""
        return " ".join(
            str(self.fields[n]) for n in ("first_name", "last_name") if self.fields.get(n)
        )

    def is_in(self, fields: Mapping[str, Any], id_field: str = "id") -> bool:
        """Whether a row is of this person, by id or e-mail address."""
        own_id, email = fields.get(id_field), str(fields.get("email") or "").casefold()
        return bool(own_id and own_id == self.id) or bool(email and email == self.email.casefold())


async def mcp_servers_of(
    reads: Reads, person: Person, workspaces: list[Workspace], memberships: Mapping[str, Row]
) -> list[Row]:
    """The MCP servers that the person may use, owns, or is signed in at."""
    reached = [w for w in workspaces if w.slug in memberships or person.role in OF_ALL or not w.id]

    async def servers_of(workspace: Workspace) -> list[Row]:
        servers = await reads.rows(list_mcp_servers, workspace.slug, **workspace.selector)
        rows = await all_of(*(_server_row(reads, person, each, workspace) for each in servers))
        return [each for each in rows if each is not None]

    return [each for rows in await all_of(*map(servers_of, reached)) for each in rows]


async def _server_row(
    reads: Reads, person: Person, server: Row, workspace: Workspace
) -> Row | None:
    own_id = str(server.get("id") or server.get("slug"))
    name = str(server.get("slug") or own_id)
    people = await reads.rows(list_mcp_server_user_access, name, id=own_id)
    access = next((each for each in people if person.is_in(each, "user_id")), None)
    is_owner = bool(person.id) and server.get("owner_id") == person.id
    if not is_owner and (access is None or not _has_access(access)):
        return None
    by = None if access is None else "name" if access.get("has_override") else "default"
    status = (access or {}).get("connection_status")
    return row(
        server=name,
        workspace=workspace.slug,
        allowed_by=by if access and access.get("enabled") else None,
        signed_in=status == "connected" if status else None,
        owner=is_owner or None,
    )


def _has_access(access: Row) -> bool:
    return bool(access.get("enabled")) or access.get("connection_status") == "connected"


async def owned_mcp_integrations(reads: Reads, person: Person) -> list[Row]:
    """The MCP integrations that the person owns."""
    integrations = await reads.rows_anywhere(list_mcp_integrations)
    return [
        row(id=each.get("slug") or each.get("id"), name=short(each.get("name")), owner=True)
        for each in integrations
        if person.id and each.get("owner_id") == person.id
    ]
