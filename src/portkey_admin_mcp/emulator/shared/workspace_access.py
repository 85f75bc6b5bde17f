"""The bodies with which integrations and MCP integrations are opened to workspaces."""

from pydantic import Field

from ..core.bodies import Body
from .limits import Budget, Rate


class Share(Body):
    """The access of one workspace, with its limits."""

    id: str
    enabled: bool
    usage_limits: list[Budget] | None = Field(None, max_length=1)
    rate_limits: list[Rate] | None = Field(None, max_length=1)
    reset_usage: bool | None = None
    create_default_provider: bool | None = None
    default_provider_slug: str | None = None


class GlobalShare(Body):
    """The access of all workspaces, with their limits."""

    enabled: bool
    usage_limits: list[Budget] | None = Field(None, max_length=1)
    rate_limits: list[Rate] | None = Field(None, max_length=1)


class SharesBody(Body):
    """Which workspaces may use an integration."""

    workspaces: list[Share] = []
    global_workspace_access: GlobalShare | None = None
    override_existing_workspace_access: bool = False
    create_default_provider: bool = True
    default_provider_slug: str | None = None


class Access(Body):
    """Whether one workspace may use an MCP integration."""

    id: str
    enabled: bool


class GlobalAccess(Body):
    """Whether all workspaces may use an MCP integration."""

    enabled: bool


class AccessBody(Body):
    """Which workspaces may use an MCP integration."""

    workspaces: list[Access] = []
    global_workspace_access: GlobalAccess | None = None
    override_existing_workspace_access: bool = False
