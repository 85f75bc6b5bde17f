"""Find everything that a person has, in all workspaces."""

from typing import Annotated

from pydantic import Field

from ..models.core.findings import Findings
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from .access.person import READS, access_of
from .shared.brief import Breadth

DOMAIN = "users"
PersonName = Annotated[
    str, Field(pattern=r"\S", description="E-mail address, user id or full name.")
]


@workflow(optional=READS, effect="read", reports_progress=True)
async def find_access(api: Portkey, person: PersonName, breadth: Breadth) -> Findings:
    """Find everything a person has, in all workspaces, in one call.

    Roles, memberships, API keys owned or used in their name, MCP servers, invitations, SCIM
    groups; with what could not be read, and the tools that take each away.
    """
    return await access_of(api, person, breadth.limit or None)
