"""Prompts: templates, their versions, rendering, and completions."""

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, Reply, invalid, list_answer
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .prompt_templates.examples import write_examples
from .prompt_templates.text import echo, filled_request, number_of_choices, text_of, tokens_in
from .prompt_templates.versions import (
    VERSIONS,
    label_of,
    list_entry,
    prompt_answer,
    resolve,
    status,
)
from .shared.gateway import mark_exhausted, reason_to_refuse
from .shared.prices import figures_of
from .traffic.requests import metadata_text, record

TABLES = (
    Table(
        "prompts",
        (
            OWNED_BY_WORKSPACE,
            Reference(
                "collection_id", "collections", OnDelete.REFUSE, "It holds {count} prompt(s)"
            ),
        ),
    ),
    VERSIONS.declaration,
)
REQUIRED_IN_VERSION = ("string", "parameters", "model", "virtual_key")
"""The fields that a version needs. With `patch`, missing ones are those of the latest version."""


class PromptBody(Body):
    """The body of a prompt, new or changed."""

    patch: bool = False
    name: str | None = None
    collection_id: str | None = None
    string: str | None = None
    parameters: dict[str, Any] | None = None
    model: str | None = None
    virtual_key: str | None = None
    version_description: str | None = None
    template_metadata: dict[str, Any] | None = None
    prompt_metadata: dict[str, Any] | None = None
    functions: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any] | None = None
    is_raw_template: int | None = Field(None, ge=0, le=1)

    def content(self) -> dict[str, Any]:
        """The fields that make up a version."""
        content = self.model_dump(
            exclude_none=True, exclude={"patch", "name", "collection_id", "prompt_metadata"}
        )
        if self.prompt_metadata is not None:
            content["template_metadata"] = self.prompt_metadata
        return content


class PublicationBody(Body):
    """The number of the version to publish."""

    version: int


class LabelBody(Body):
    """The label of a version. It must be given; null removes the label."""

    label_id: str | None


@route("GET /prompts", scope="prompts.list")
def list_prompts(call: Call) -> Row:
    """The prompts of a collection or a workspace, newest first, without templates."""
    search, collection = call.query.get("search", ""), call.query.get("collection_id")
    if collection:
        rows = call.table("prompts").where(collection_id=call.find("collections", collection)["id"])
    else:
        rows = call.table("prompts").where(workspace_id=call.workspace()["id"])
    return call.listing(
        rows,
        keep=(lambda row: search in row["name"]) if search else None,
        render=lambda row: {
            **list_entry(row),
            "model": VERSIONS.published(call, row)["content"]["model"],
        },
    )


@route("POST /prompts", scope="prompts.create")
def create_prompt(call: Call) -> Row:
    """Create a prompt in the workspace of its collection; version 1 is published."""
    body = call.read(PromptBody)
    for name in ("name", "collection_id", "string", "virtual_key"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    if body.parameters is None:
        raise invalid("parameters", "Field required")
    collection = call.find("collections", body.collection_id or "")
    _check_provider(call, collection["workspace_id"], body.virtual_key)
    now = call.store.stamp()
    row = call.table("prompts").add(
        {
            "id": call.store.uuid(),
            "slug": call.store.slug("pp", body.name or "", 10),
            "name": body.name,
            "collection_id": collection["id"],
            "workspace_id": collection["workspace_id"],
            "created_at": now,
            "last_updated_at": now,
            "status": "active",
            "object": "prompt",
        }
    )
    version = VERSIONS.add(call, row, {"model": "", **body.content()}, publish=True)
    return {
        "id": row["id"],
        "slug": row["slug"],
        "version_id": version["id"],
        "object": "prompt",
    }


@route("GET /prompts/{prompt_id}", scope="prompts.read")
def get_prompt(call: Call) -> Row:
    """One prompt in its published version, or in the version in the query (Terraform provider)."""
    row, name = _find(call), call.query.get("version") or "default"
    version = VERSIONS.named(call, row, name)
    if version is None:
        raise Refusal(404, "Version not found")
    return prompt_answer(call, row, version)


@route("PUT /prompts/{prompt_id}", scope="prompts.update")
def update_prompt(call: Call) -> Row:
    """Change a prompt. New content makes a version, which is not published."""
    row, body = _find(call), call.read(PromptBody)
    changes: dict[str, Any] = {"last_updated_at": call.store.stamp()}
    if body.name:
        changes["name"] = body.name
    if body.collection_id:
        collection = call.find("collections", body.collection_id)
        if collection["workspace_id"] != row["workspace_id"]:
            raise invalid("collection_id", "is in another workspace")
        changes["collection_id"] = collection["id"]
    content = body.content()
    row = call.table("prompts").change(row, changes)
    if not content:
        return {}
    if body.patch:
        content = {**VERSIONS.latest(call, row)["content"], **content}
    for name in REQUIRED_IN_VERSION:
        if content.get(name) is None:
            raise invalid(name, "Field required")
    _check_provider(call, row["workspace_id"], content["virtual_key"])
    version = VERSIONS.add(call, row, content, publish=False)
    return {"id": row["id"], "slug": row["slug"], "prompt_version_id": version["id"]}


@route("DELETE /prompts/{prompt_id}", scope="prompts.delete")
def delete_prompt(call: Call) -> Row:
    """Delete a prompt, with all versions and their labels."""
    call.store.delete("prompts", _find(call))
    return {}


@route("PUT /prompts/{prompt_id}/makeDefault", scope="prompts.publish")
def publish_prompt(call: Call) -> Row:
    """Publish a version."""
    VERSIONS.publish(call, _find(call), call.read(PublicationBody).version)
    return {}


@route("GET /prompts/{prompt_id}/versions", scope="prompts.list")
def list_prompt_versions(call: Call) -> Row:
    """All versions with their templates, newest first."""
    row = _find(call)
    return list_answer(
        {
            "id": version["id"],
            "prompt_id": row["id"],
            "prompt_template": {"string": version["content"]["string"]},
            "prompt_version": version["number"],
            "prompt_description": version["content"].get("version_description", ""),
            "label_id": label_of(call, version),
            "created_at": version["created_at"],
            "status": status(version),
            "object": "prompt",
        }
        for version in VERSIONS.all(call, row)
    )


@route("GET /prompts/{prompt_id}/versions/{version_id}", scope="prompts.read")
def get_prompt_version(call: Call) -> Row:
    """One version, by its id."""
    row = _find(call)
    return prompt_answer(call, row, _version(call, row))


@route("PUT /prompts/{prompt_id}/versions/{version_id}", scope="prompts.update")
def update_prompt_version(call: Call) -> Row:
    """Set the label of a version; another version of this prompt loses it (an assumption)."""
    row = _find(call)
    version, body = _version(call, row), call.read(LabelBody)
    marks = call.table("label_marks")
    if body.label_id is None:
        for mark in marks.where(version_id=version["id"]):
            marks.remove(mark)
        return {}
    label = call.find("labels", body.label_id)
    if label["workspace_id"] not in (None, row["workspace_id"]):
        raise invalid("label_id", "is a label of another workspace")
    for mark in marks.where(prompt_id=row["id"], label_id=label["id"]):
        marks.remove(mark)
    marks.add(
        {
            "id": call.store.uuid(),
            "prompt_id": row["id"],
            "version_id": version["id"],
            "label_id": label["id"],
        }
    )
    return {}


@route("POST /prompts/{prompt_id}/render", scope="prompts.render", who="workspace")
def render_prompt(call: Call) -> Row:
    """The request that would be sent to the model."""
    row, version = resolve(call, call.ids["prompt_id"])
    return {"success": True, "data": filled_request(call, row, version)}


@route("POST /prompts/{prompt_id}/completions", scope="completions.write", who="workspace")
def run_prompt_completion(call: Call) -> Row | Reply:
    """Run a prompt; the emulated model repeats the last message, so answers are predictable.

    Refused with 412 or 429 if a budget is used up or a rate limit exceeded; logs and analytics
    count that too.
    """
    if isinstance(call.body, dict) and call.body.get("stream"):
        raise Refusal(400, "This emulator does not stream")
    row, version = resolve(call, call.ids["prompt_id"])
    request = filled_request(call, row, version)
    if not isinstance(request["model"], str):
        raise invalid("model", "must be a string")
    slug = version["content"]["virtual_key"]
    provider = call.table("virtual_keys").find(slug)
    if provider is None:
        raise invalid("virtual_key", f"{slug} was deleted")
    prompt = "\n".join(text_of(message["content"]) for message in request["messages"])
    answer, reason = echo(text_of(request["messages"][-1]["content"]), request)
    choices = number_of_choices(request)
    tokens = {
        "prompt_tokens": tokens_in(prompt),
        "completion_tokens": choices * tokens_in(answer),
    }
    columns = _columns(call, row, provider, request["model"])
    if refusal := reason_to_refuse(call, columns):
        _log(call, columns, status=refusal.status)
        return Reply(json.dumps(refusal.body()).encode(), "application/json", refusal.status)
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    _log(call, columns, **figures_of(request["model"], *tokens.values()))
    mark_exhausted(call, columns)
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": int(call.store.now().timestamp()),
        "model": request["model"],
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": answer},
                "finish_reason": reason,
                "logprobs": None,
            }
            for index in range(choices)
        ],
        "usage": {**tokens, "total_tokens": sum(tokens.values())},
    }


def _columns(call: Call, row: Row, provider: Row, model: str) -> dict[str, Any]:
    """The columns of a completion that are known before it runs, with its metadata as an object."""
    metadata = call.body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise invalid("metadata", "must be an object")
    return {
        "workspace_id": row["workspace_id"],
        "api_key_id": call.key["id"],
        "user": metadata_text(metadata, "_user"),
        "metadata": metadata,
        "ai_org": provider["_provider"],
        "ai_model": model,
        "virtual_key": provider["slug"],
        "prompt_slug": row["slug"],
    }


def _log(call: Call, columns: dict[str, Any], **more: Any) -> None:
    """Record a completion for logs and analytics."""
    record(call, **columns | more | {"metadata": json.dumps(columns["metadata"])})


def _find(call: Call) -> Row:
    return call.find("prompts", call.ids["prompt_id"])


def _check_provider(call: Call, workspace_id: str, slug: str | None) -> None:
    """Refuse a provider that is not in the prompt's workspace (an assumption)."""
    provider = call.table("virtual_keys").find(slug)
    if provider is None or provider["workspace_id"] != workspace_id:
        raise invalid("virtual_key", f"{slug} is not in the prompt's workspace")


def _version(call: Call, row: Row) -> Row:
    version = VERSIONS.find(call, row, call.ids["version_id"])
    if version is None:
        raise Refusal(404, "Version not found")
    return version


def seed(seeder: Seeder) -> None:
    """Two prompts in the workspace Support."""
    write_examples(seeder)
