"""Delete a workspace by its id alone: Portkey requires its name as well."""

from unicodedata import category

from pydantic import Field

from ..models.core.base import ABSENT, Arguments, Done
from ..models.core.vocabulary import WorkspaceId
from ..models.workspaces import WorkspaceDeletion
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.workspaces import delete_workspace as delete_workspace_request
from ..tools.workspaces import get_workspace

DOMAIN = "workspaces"
FIRST_PICTOGRAPH = "\u2190"
"""Below it, Unicode's symbols (category So) are letters and measures: ©, °, ™."""


class DeletionOptions(Arguments):
    """What a caller may say about the deletion."""

    name: str = Field(default=ABSENT, description="Its name, as a check; read if left out.")
    force_delete: bool = Field(
        default=ABSENT, description="Also delete its keys, configs and prompts."
    )


@workflow(get_workspace, delete_workspace_request, effect="delete")
async def delete_workspace(
    api: Portkey, workspace_id: WorkspaceId, options: DeletionOptions
) -> Done:
    """Delete a workspace; cannot be undone. Refused while it holds anything, unless forced."""
    name = _without_icon(options.name) if options.name else await _read_name(api, workspace_id)
    deletion = WorkspaceDeletion.model_validate(
        {**options.model_dump(exclude_unset=True), "name": name}
    )
    return await delete_workspace_request(api, workspace_id, deletion)


async def _read_name(api: Portkey, workspace_id: str) -> str:
    workspace = await get_workspace(api, workspace_id)
    name, icon = workspace.name or "", workspace.icon
    return name.removeprefix(icon).strip() if icon else name


def _without_icon(name: str) -> str:
    """The name without the icon that Portkey puts before it in answers (Terraform provider).

    No name begins with an emoji of its own: Portkey would take it for the icon.
    """
    first_word, _, rest = name.strip().partition(" ")
    return rest.strip() if rest and any(map(_is_emoji, first_word)) else name


def _is_emoji(character: str) -> bool:
    """Whether it is a pictograph, and not a dash, a quotation mark, № or the like."""
    return category(character) == "So" and character >= FIRST_PICTOGRAPH
