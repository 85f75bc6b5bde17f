"""The guardrails of the whole organisation, and the workspaces that are excluded from them.

Portkey does not document all answers: the form of the lists is an assumption.
"""

from typing import Any

from pydantic import Field

from .core.answers import forbidden, invalid
from .core.bodies import Body
from .core.routing import ORGANISATION, Call, route
from .core.rows import Row
from .core.tables import OnDelete, Reference, Table

SIDES = ("input_guardrails", "output_guardrails")
TABLES = (
    Table(
        ORGANISATION,
        (
            Reference("ids", "workspaces", OnDelete.CLEAR),
            *(Reference(side, "guardrails", OnDelete.CLEAR) for side in SIDES),
        ),
    ),
)


class DefaultsBody(Body):
    """The guardrails that run in every workspace, by slug or id."""

    input_guardrails: list[str] | None = None
    output_guardrails: list[str] | None = None


class Exclusion(Body):
    """Whether one workspace is excluded."""

    workspace_id: str
    excluded: bool


class ExclusionsBody(Body):
    """Which workspaces are excluded."""

    organisation_id: str
    workspaces: list[Exclusion] = Field(min_length=1)
    override_existing: bool = False


@route(
    "GET /v2/admin/organisation/defaults",
    scope="organisation_settings.read",
    who="admin",
    base="root",
    enterprise=True,
)
def get_organisation_defaults(call: Call) -> Row:
    """Input and output guardrails, each with id and slug."""
    excluded = _settings(call, "defaults")
    guardrails = call.table("guardrails")
    return {
        side: [
            {"id": row["id"], "slug": row["slug"]}
            for row in map(guardrails.get, excluded.get(side, ()))
            if row is not None
        ]
        for side in SIDES
    }


@route(
    "PUT /v2/admin/organisation/defaults",
    scope="organisation_settings.update",
    who="admin",
    base="root",
    enterprise=True,
)
def update_organisation_defaults(call: Call) -> Row:
    """Replace the given lists."""
    lists = call.read(DefaultsBody).model_dump(exclude_none=True)
    if not lists:
        raise invalid("input_guardrails", "Field required, or output_guardrails")
    for side, names in lists.items():
        _save_settings(call, "defaults", {side: [_guardrail_id(call, name) for name in names]})
    return {}


@route(
    "GET /workspace-exclusions/input-guardrails",
    scope="organisation_exclusions.list",
    who="admin",
    enterprise=True,
)
def list_input_guardrail_workspace_exclusions(call: Call) -> Row:
    """The workspaces that are excluded from input guardrails."""
    return _list_exclusions(call, "input")


@route(
    "PUT /workspace-exclusions/input-guardrails",
    scope="organisation_exclusions.update",
    who="admin",
    enterprise=True,
)
def update_input_guardrail_workspace_exclusions(call: Call) -> Row:
    """Exclude workspaces, or include them again."""
    return _update_exclusions(call, "input")


@route(
    "GET /workspace-exclusions/output-guardrails",
    scope="organisation_exclusions.list",
    who="admin",
    enterprise=True,
)
def list_output_guardrail_workspace_exclusions(call: Call) -> Row:
    """The workspaces that are excluded from output guardrails."""
    return _list_exclusions(call, "output")


@route(
    "PUT /workspace-exclusions/output-guardrails",
    scope="organisation_exclusions.update",
    who="admin",
    enterprise=True,
)
def update_output_guardrail_workspace_exclusions(call: Call) -> Row:
    """Exclude workspaces, or include them again."""
    return _update_exclusions(call, "output")


def _guardrail_id(call: Call, name: str) -> str:
    row = call.table("guardrails").find(name)
    if row is None or row["workspace_id"] is not None:
        raise invalid("guardrails", f"{name} is not a guardrail of the organisation")
    return str(row["id"])


def _list_exclusions(call: Call, side: str) -> Row:
    _check_organisation(call, call.query.get("organisation_id"))
    ids = _settings(call, f"excluded_{side}").get("ids", [])
    data = [{"workspace_id": each, "excluded": True} for each in ids]
    return {"object": "list", "total": len(data), "data": data}


def _update_exclusions(call: Call, side: str) -> Row:
    body = call.read(ExclusionsBody)
    _check_organisation(call, body.organisation_id)
    old = [] if body.override_existing else _settings(call, f"excluded_{side}").get("ids", [])
    excluded = dict.fromkeys(old)
    for each in body.workspaces:
        workspace = call.table("workspaces").find(each.workspace_id)
        if workspace is None:
            raise forbidden()
        excluded.pop(workspace["id"], None)
        if each.excluded:
            excluded[workspace["id"]] = None
    _save_settings(call, f"excluded_{side}", {"ids": list(excluded)})
    return {}


def _check_organisation(call: Call, organisation_id: str | None) -> None:
    if not organisation_id:
        raise invalid("organisation_id", "Field required")
    if organisation_id != call.organisation:
        raise forbidden()


def _settings(call: Call, name: str) -> Row:
    return call.table(ORGANISATION).get(name) or {}


def _save_settings(call: Call, name: str, values: dict[str, Any]) -> None:
    table = call.table(ORGANISATION)
    row = table.get(name)
    if row is None:
        table.add({"id": name, **values})
    else:
        table.change(row, values)
