"""Delete a workspace by its id alone: Portkey requires its name as well."""

from pydantic import Field

from ..models.core.base import ABSENT, Arguments, Done
from ..models.core.icons import without_icon
from ..models.core.vocabulary import WorkspaceId
from ..models.workspaces import WorkspaceDeletion
from ..portkey.api import Portkey
from ..portkey.catalog import Dependants, workflow
from ..portkey.progress import report_progress
from ..tools.workspaces import delete_workspace as delete_workspace_request
from ..tools.workspaces import get_workspace

DOMAIN = "workspaces"
ID = (("workspace_id", "id"),)
CONTENT = (
    Dependants("members", "GET /admin/workspaces/{id}/users"),
    *(
        Dependants(kind, endpoint, query=ID)
        for kind, endpoint in {
            "API keys": "GET /api-keys",
            "configs": "GET /configs",
            "prompts": "GET /prompts",
            "virtual keys": "GET /virtual-keys",
            "providers": "GET /providers",
            "guardrails": "GET /guardrails",
            "MCP servers": "GET /mcp-servers",
        }.items()
    ),
)
"""What is deleted with a workspace."""


class DeletionOptions(Arguments):
    """What a caller may say about the deletion."""

    name: str = Field(default=ABSENT, description="Its name, as a check; read if left out.")
    force_delete: bool = Field(
        default=ABSENT, description="Also delete its keys, configs and prompts."
    )


@workflow(
    get_workspace,
    delete_workspace_request,
    effect="delete",
    dependants=CONTENT,
    reports_progress=True,
)
async def delete_workspace(
    api: Portkey, workspace_id: WorkspaceId, options: DeletionOptions
) -> Done:
    """Delete a workspace; cannot be undone. Refused while it holds anything, unless forced."""
    await report_progress(0, 2, "Reading the workspace's name")
    name = without_icon(options.name) if options.name else await _read_name(api, workspace_id)
    deletion = WorkspaceDeletion.model_validate(
        {**options.model_dump(exclude_unset=True), "name": name}
    )
    await report_progress(1, 2, "Deleting the workspace")
    return await delete_workspace_request(api, workspace_id, deletion)


async def _read_name(api: Portkey, workspace_id: str) -> str:
    workspace = await get_workspace(api, workspace_id)
    name, icon = workspace.name or "", workspace.icon
    return name.removeprefix(icon).strip() if icon else name
