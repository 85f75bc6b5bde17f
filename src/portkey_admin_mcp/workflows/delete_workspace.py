"""Delete a workspace by its id alone: Portkey wants to hear the name as well."""

from pydantic import Field

from ..api import Portkey
from ..catalog import workflow
from ..models.base import ABSENT, Arguments, Done
from ..models.vocabulary import WorkspaceId
from ..models.workspaces import WorkspaceDeletion
from ..tools.workspaces import delete_named_workspace, get_workspace

DOMAIN = "workspaces"


class DeletionOptions(Arguments):
    """What a caller may say about the deletion."""

    name: str = Field(ABSENT, description="Its name, as a check; read if left out.")
    force_delete: bool = Field(ABSENT, description="Also delete its keys, configs and prompts.")


@workflow(get_workspace, delete_named_workspace, effect="delete")
async def delete_workspace(
    api: Portkey, workspace_id: WorkspaceId, options: DeletionOptions
) -> Done:
    """Delete a workspace; cannot be undone. Refused while it holds anything, unless forced."""
    name = _plain(options.name or await _read_name(api, workspace_id))
    deletion = options.model_dump(exclude_unset=True) | {"name": name}
    return await delete_named_workspace(api, workspace_id, WorkspaceDeletion(**deletion))


async def _read_name(api: Portkey, workspace_id: str) -> str:
    return (await get_workspace(api, workspace_id)).name or ""


def _plain(name: str) -> str:
    """The name without the icon Portkey puts before it when it answers (Terraform provider).

    A name cannot begin with an emoji by itself: Portkey takes it for the icon.
    """
    first, _, rest = name.strip().partition(" ")
    return (
        rest.strip() if rest and not any(map(str.isalnum, first)) and not first.isascii() else name
    )
