"""Settings of MCP integrations that are filled from secret references."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..core.kernel import Call, invalid
from ..core.store import Store
from ..core.tables import Row
from .limits import Body
from .references import in_use_by


class McpSecretMapping(Body):
    """A setting, and the secret reference that fills it."""

    target_field: str = Field(pattern=r"^configurations\..+")
    secret_reference_id: str
    secret_key: str | None = None
    value_format: Literal["json", "string"] | None = None


def checked_mappings(
    call: Call, given: Sequence[McpSecretMapping] | None, workspace_id: str | None
) -> list[Row]:
    """Each to a field of its own, from a reference that the integration's workspace may use."""
    mappings = given or ()
    if len({each.target_field for each in mappings}) < len(mappings):
        raise invalid("secret_mappings", "target_field must be unique")
    for each in mappings:
        reference = call.table("secret_references").find(each.secret_reference_id)
        if reference is None or not _may_refer(reference, workspace_id):
            raise invalid("secret_mappings", f"no secret reference {each.secret_reference_id}")
    return [each.model_dump(exclude_none=True) for each in mappings]


def _may_refer(reference: Row, workspace_id: str | None) -> bool:
    return reference["allow_all_workspaces"] or workspace_id in reference["_allowed_workspaces"]


@in_use_by("secret_references")
def _mapped_by_an_integration(store: Store, reference: Row) -> str | None:
    names = (reference["id"], reference["slug"])
    rows = store.table("mcp_integrations").rows()
    mapped = (each["secret_reference_id"] for row in rows for each in row["secret_mappings"])
    return "An MCP integration is mapped to it" if any(m in names for m in mapped) else None
