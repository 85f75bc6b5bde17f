"""The organisation's own guardrails, and the workspaces left out of them."""

from ..models.core.base import Done
from ..models.organisation import (
    DefaultGuardrails,
    ExclusionList,
    ExclusionOwner,
    Exclusions,
    OrganisationDefaults,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool

SETTINGS = "organisation_settings"
EXCLUSIONS = "organisation_exclusions"
WHERE = "Portkey's changelog has it under /v1, newer clients call /v2."
THIN = "The form of the answer is not published."


@tool(
    "GET /v2/admin/organisation/defaults",
    scope=f"{SETTINGS}.read",
    base="root",
    enterprise=True,
    unconfirmed=WHERE,
)
async def get_organisation_defaults(api: Portkey) -> DefaultGuardrails:
    """Read the guardrails that run in every workspace."""
    ...


@tool(
    "PUT /v2/admin/organisation/defaults",
    scope=f"{SETTINGS}.update",
    base="root",
    enterprise=True,
    unconfirmed=WHERE,
    high_risk="it acts on every workspace",
)
async def update_organisation_defaults(api: Portkey, defaults: OrganisationDefaults) -> Done:
    """Set the guardrails that run in every workspace; each list replaces the old one.

    For one workspace's own use `update_workspace`.
    """
    ...


@tool(
    "GET /workspace-exclusions/input-guardrails",
    scope=f"{EXCLUSIONS}.list",
    enterprise=True,
    unconfirmed=THIN,
)
async def list_input_guardrail_workspace_exclusions(
    api: Portkey, owner: ExclusionOwner
) -> ExclusionList:
    """List workspaces that the organisation's input guardrails leave out."""
    ...


@tool(
    "PUT /workspace-exclusions/input-guardrails",
    scope=f"{EXCLUSIONS}.update",
    enterprise=True,
    unconfirmed=THIN,
    high_risk="it turns guardrails of the organisation off or on",
)
async def update_input_guardrail_workspace_exclusions(api: Portkey, exclusions: Exclusions) -> Done:
    """Leave workspaces out of the organisation's input guardrails, or take them in again."""
    ...


@tool(
    "GET /workspace-exclusions/output-guardrails",
    scope=f"{EXCLUSIONS}.list",
    enterprise=True,
    unconfirmed=THIN,
)
async def list_output_guardrail_workspace_exclusions(
    api: Portkey, owner: ExclusionOwner
) -> ExclusionList:
    """List workspaces that the organisation's output guardrails leave out."""
    ...


@tool(
    "PUT /workspace-exclusions/output-guardrails",
    scope=f"{EXCLUSIONS}.update",
    enterprise=True,
    unconfirmed=THIN,
    high_risk="it turns guardrails of the organisation off or on",
)
async def update_output_guardrail_workspace_exclusions(
    api: Portkey, exclusions: Exclusions
) -> Done:
    """Leave workspaces out of the organisation's output guardrails, or take them in again."""
    ...
