"""Change some security settings of a workspace: Portkey replaces all of them."""

from ..errors import InputError
from ..models.core.vocabulary import WorkspaceId
from ..models.workspace_security import (
    SECURITY_SETTINGS,
    SecurityChange,
    SecurityChanged,
    SecuritySettings,
)
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.workspaces import get_workspace
from ..tools.workspaces import (
    update_workspace_security_settings as update_workspace_security_settings_request,
)

DOMAIN = "workspaces"


@workflow(get_workspace, update_workspace_security_settings_request, effect="overwrite")
async def update_workspace_security_settings(
    api: Portkey, workspace_id: WorkspaceId, change: SecurityChange
) -> SecurityChanged:
    """Say what a workspace's managers and members may view and write; the rest stays."""
    current = (await get_workspace(api, workspace_id)).security_settings or {}
    changes = change.changes()
    if unknown := [name for name in SECURITY_SETTINGS if name not in current | changes]:
        raise InputError(
            "Portkey replaces all security settings, and does not show the current value of "
            f"{', '.join(unknown)}; give each of these in allow or deny too"
        )
    settings = SecuritySettings(security_settings=current | changes)
    done = await update_workspace_security_settings_request(api, workspace_id, settings)
    changed = {name: value for name, value in changes.items() if current.get(name) is not value}
    return SecurityChanged.read({**done.answer(), "changed": changed})
