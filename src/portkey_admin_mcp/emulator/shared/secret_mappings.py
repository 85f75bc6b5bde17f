"""Fields of other objects that are filled from a secret reference, and the masking of secrets."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from ..core.answers import invalid
from ..core.bodies import Body
from ..core.routing import Call
from ..core.rows import Row
from ..core.tables import OnDelete, Reference

MIN_MASKED_LENGTH = 8
"""The length from which a masked secret shows its first and last letters."""
SECRET = re.compile(r"token|secret|password|key$|service_account_json")
"""What the name of a setting with a secret contains."""


class SecretMapping(Body):
    """A field, and the secret reference that fills it."""

    target_field: str
    secret_reference_id: str
    secret_key: str | None = None
    value_format: Literal["json", "string"] | None = None


class McpSecretMapping(SecretMapping):
    """A setting of an MCP integration, and the secret reference that fills it."""

    target_field: str = Field(pattern=r"^configurations\..+")


def mapped_by(kind: str) -> Reference:
    """The reference from `secret_mappings` of a kind of object, named as "A virtual key"."""
    return Reference(
        "secret_mappings.secret_reference_id",
        "secret_references",
        OnDelete.REFUSE,
        f"{kind} is mapped to it",
    )


def stored_mappings(
    call: Call, mappings: Sequence[SecretMapping] | None, group: str, workspace: Row | None
) -> list[Row]:
    """Mappings to the fields of an object (`key` or `<group>.<field>`), in the form it stores.

    A bare name is taken for a field of the group, as Portkey does on creation. Refused with 400:
    a field that is named twice, and a secret reference that does not exist or is not open to this
    workspace (None: the organisation).
    """
    stored: dict[str, Row] = {}
    for mapping in mappings or ():
        name = mapping.target_field
        field = name if name == "key" or name.startswith(f"{group}.") else f"{group}.{name}"
        if field in stored:
            raise invalid("secret_mappings", "target_field must be unique")
        reference = call.table("secret_references").find(mapping.secret_reference_id)
        if reference is None or not (workspace is None or _may_use(reference, workspace["id"])):
            raise invalid("secret_mappings", "no such secret reference")
        stored[field] = {**mapping.model_dump(exclude_unset=True), "target_field": field}
    return list(stored.values())


def stored_mcp_mappings(
    call: Call, mappings: Sequence[McpSecretMapping] | None, workspace_id: str | None
) -> list[Row]:
    """Mappings to the settings of an MCP integration, in the form it stores.

    Refused with 400 as `stored_mappings` does; an integration of the organisation may use only
    secret references that are open to all workspaces.
    """
    mappings = mappings or ()
    if len({each.target_field for each in mappings}) < len(mappings):
        raise invalid("secret_mappings", "target_field must be unique")
    for each in mappings:
        reference = call.table("secret_references").find(each.secret_reference_id)
        if reference is None or not _may_use(reference, workspace_id):
            raise invalid("secret_mappings", f"no secret reference {each.secret_reference_id}")
    return [each.model_dump(exclude_none=True) for each in mappings]


def masked(settings: Row) -> dict[str, Any]:
    """Settings with secrets masked, each under the name `masked_<name>`."""
    return {
        (f"masked_{name}" if SECRET.search(name) else name): (
            f"{str(value)[:2]}*****" if SECRET.search(name) else value
        )
        for name, value in settings.items()
    }


def masked_secret(secret: str) -> str:
    """A secret as answers show it: `ab*****xyz`, without letters if they are most of it."""
    if not secret:
        return ""
    return f"{secret[:2]}*****{secret[-3:]}" if len(secret) >= MIN_MASKED_LENGTH else "*****"


def _may_use(reference: Row, workspace_id: str | None) -> bool:
    return reference["allow_all_workspaces"] or workspace_id in reference["_allowed_workspaces"]
