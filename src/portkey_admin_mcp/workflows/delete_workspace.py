"""Delete a workspace by its id alone: Portkey wants to hear the name as well."""

from unicodedata import category

from pydantic import Field

from ..models.core.base import ABSENT, Arguments, Done
from ..models.core.vocabulary import WorkspaceId
from ..models.workspaces import WorkspaceDeletion
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.workspaces import delete_named_workspace, get_workspace

DOMAIN = "workspaces"
FIRST_PICTOGRAPH = "\u2190"
"""Unicode has signs of letters and measures before it: ©, °, ™."""


class DeletionOptions(Arguments):
    """What a caller may say about the deletion."""

    name: str = Field(ABSENT, description="Its name, as a check; read if left out.")
    force_delete: bool = Field(ABSENT, description="Also delete its keys, configs and prompts.")


@workflow(get_workspace, delete_named_workspace, effect="delete")
async def delete_workspace(
    api: Portkey, workspace_id: WorkspaceId, options: DeletionOptions
) -> Done:
    """Delete a workspace; cannot be undone. Refused while it holds anything, unless forced."""
    name = _plain(options.name) if options.name else await _read_name(api, workspace_id)
    deletion = options.model_dump(exclude_unset=True) | {"name": name}
    return await delete_named_workspace(api, workspace_id, WorkspaceDeletion(**deletion))


async def _read_name(api: Portkey, workspace_id: str) -> str:
    workspace = await get_workspace(api, workspace_id)
    name, icon = workspace.name or "", workspace.icon
    return name.removeprefix(icon).strip() if icon else name


def _plain(name: str) -> str:
    """The name without the icon Portkey puts before it when it answers (Terraform provider).

    A name cannot begin with an emoji by itself: Portkey takes it for the icon.
    """
    first, _, rest = name.strip().partition(" ")
    return rest.strip() if rest and any(map(_is_emoji, first)) else name


def _is_emoji(character: str) -> bool:
    """Whether it is a pictograph, and not a dash, a quotation mark, № or the like."""
    return category(character) == "So" and character >= FIRST_PICTOGRAPH
