"""Deployments: gateways that an organisation hosts itself."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.deployments import (
    Deployment,
    DeploymentDraft,
    DeploymentFilter,
    DeploymentId,
    DeploymentOwner,
    DeploymentPatch,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool

THIN = "The bodies and answers of deployments are not published."

ACCESS_TAKEN = (
    ("rotate_auth=true", "gateways with the old credentials stop working"),
    ("status=archived", "the gateway is cut off"),
    ("allow_all_workspaces=false", "it takes access from workspaces"),
    ("remove_workspaces_allowed", "it takes access from workspaces"),
    ("remove_subs_allowed", "it takes access from people"),
    ("override_existing=true", "what is not named loses access"),
)


@tool(
    "GET /v2/deployments", scope="deployments.list", base="root", enterprise=True, unconfirmed=THIN
)
async def list_deployments(api: Portkey, filter: DeploymentFilter) -> Page[Deployment]:
    """List the gateways the organisation hosts itself."""
    ...


@tool(
    "POST /v2/deployments",
    scope="deployments.create",
    base="root",
    enterprise=True,
    returns_secret=True,
    unconfirmed=THIN,
)
async def register_deployment(api: Portkey, draft: DeploymentDraft) -> Deployment:
    """Register a self-hosted gateway; its credentials are returned only now."""
    ...


@tool(
    "GET /v2/deployments/{id}",
    scope="deployments.read",
    base="root",
    enterprise=True,
    unconfirmed=THIN,
)
async def get_deployment(api: Portkey, id: DeploymentId, owner: DeploymentOwner) -> Deployment:
    """Read one self-hosted gateway; credentials are masked."""
    ...


@tool(
    "PUT /v2/deployments/{id}",
    scope="deployments.update",
    base="root",
    enterprise=True,
    is_repeatable=False,
    returns_secret=True,
    unconfirmed=THIN,
    high_risk_if=ACCESS_TAKEN,
)
async def update_deployment(api: Portkey, id: DeploymentId, patch: DeploymentPatch) -> Deployment:
    """Change a self-hosted gateway; new credentials of `rotate_auth` are returned only now."""
    ...


@tool(
    "DELETE /v2/deployments/{id}",
    scope="deployments.delete",
    base="root",
    enterprise=True,
    unconfirmed=THIN,
)
async def archive_deployment(api: Portkey, id: DeploymentId) -> Done:
    """Archive a self-hosted gateway: it may no longer connect."""
    ...
