"""Versions of prompts: finding them by name, and their form in answers."""

from typing import Any

from ..core.answers import Refusal
from ..core.routing import Call
from ..core.rows import Row
from ..shared.versions import Versions
from . import mustache

VERSIONS = Versions("prompt_versions", "prompts")


def resolve(call: Call, name: str) -> tuple[Row, Row]:
    """The prompt and version of a name: `slug`, `slug@2`, `slug@latest` or `slug@label`."""
    slug, _, version_name = name.partition("@")
    row = call.find("prompts", slug)
    is_name = not version_name or version_name in ("latest", "default")
    version = (
        VERSIONS.named(call, row, version_name or "default")
        if is_name or version_name.isdecimal()
        else _labelled(call, row, version_name)
    )
    if version is None:
        raise Refusal(404, f"Prompt has no version {version_name}")
    return row, version


def prompt_answer(call: Call, row: Row, version: Row) -> dict[str, Any]:
    """The answer for a prompt in one of its versions, flat as live answers are."""
    content = version["content"]
    labels = [
        _label_row(call, mark) for mark in call.table("label_marks").where(version_id=version["id"])
    ]
    return {
        **list_entry(row),
        "string": content["string"],
        "parameters": {**content["parameters"], "model": content["model"]},
        "prompt_version": version["number"],
        "prompt_version_id": version["id"],
        "prompt_version_status": status(version),
        "prompt_version_description": content.get("version_description", ""),
        "prompt_version_label_id": labels[0]["id"] if labels else None,
        "prompt_version_label_name": labels[0]["name"] if labels else None,
        "prompt_version_labels": [{"id": each["id"], "name": each["name"]} for each in labels],
        "virtual_key": content["virtual_key"],
        "model": content["model"],
        "functions": content.get("functions", []),
        "tools": content.get("tools", []),
        "tool_choice": content.get("tool_choice"),
        "template_metadata": content.get("template_metadata", {}),
        "is_raw_template": content.get("is_raw_template", 0),
        "variable_components": mustache.components(content["string"]),
    }


NOT_SHARED: dict[str, Any] = {
    "access_level": "workspace",
    "allow_all_workspaces": 0,
    "share_organisation_id": None,
    "shared_at": None,
    "shared_by_user_id": None,
    "shared_from_version_id": None,
    "forked_from_prompt_id": None,
    "forked_from_prompt_version_id": None,
}
"""What answers say of a prompt that is neither shared nor forked: Portkey does not document the
requests that share and fork prompts, so every prompt here is such a one. The word for its
access level is an assumption."""


def list_entry(row: Row) -> dict[str, Any]:
    """The fields of a prompt in answers: all but its workspace, and those about sharing."""
    fields = {name: value for name, value in row.items() if name != "workspace_id"}
    return {**fields, **NOT_SHARED, "prompt_owning_workspace_id": row["workspace_id"]}


def status(version: Row) -> str:
    """The status of a version: published ones are active."""
    return "active" if version["published"] else "archived"


def label_of(call: Call, version: Row) -> str | None:
    """The id of the first label of a version; None without labels."""
    marks = call.table("label_marks").where(version_id=version["id"])
    return marks[0]["label_id"] if len(marks) else None


def _label_row(call: Call, mark: Row) -> Row:
    return call.table("labels")[mark["label_id"]]


def _labelled(call: Call, row: Row, name: str) -> Row | None:
    for mark in call.table("label_marks").where(prompt_id=row["id"]):
        if _label_row(call, mark)["name"] == name:
            return call.table(VERSIONS.table).get(mark["version_id"])
    return None
