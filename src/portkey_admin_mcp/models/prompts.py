"""Prompts: templates, their versions and their settings. Running a prompt: `prompt_runs`."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from .core.base import ABSENT, Arguments, Patch, Record, Unsent
from .core.vocabulary import InWorkspace, Json, Number, VersionName

PromptId = Annotated[str, Field(min_length=1, description="Prompt id or slug.")]
PromptRef = Annotated[
    str,
    Field(min_length=1, description="Slug: published version, or slug@number, @latest, @label."),
]
VersionId = Annotated[str, Field(min_length=1, description="Version id or number.")]
DryRun = Annotated[bool, Unsent.LOCAL, Field(description="Only say what would happen.")]
CHOICES = ("auto", "none", "required")


def _in_gateway_form(choice: Json | str) -> Json | str:
    """The choice as the gateway takes it: a word, or an object that names a function.

    `{mode, function_name}` is the TypeScript server's form, which that server converts too.
    Raises ValueError.
    """
    mode = choice.get("mode") if isinstance(choice, dict) else choice
    name = choice.get("function_name") if isinstance(choice, dict) else None
    if isinstance(choice, dict) and "mode" not in choice:
        return choice
    if mode == "function":
        if not name:
            raise ValueError("mode function needs function_name")
        return {"type": "function", "function": {"name": name}}
    if mode not in CHOICES:
        raise ValueError(f"mode is one of {', '.join(CHOICES)}, function")
    if name:
        raise ValueError("remove function_name, or set mode to function")
    return str(mode)


ToolChoice = Annotated[
    Json | str, AfterValidator(_in_gateway_form), WithJsonSchema({"type": "object"})
]


class PromptFilter(Arguments):
    """Which prompts to list."""

    collection_id: str = Field(default=ABSENT, description="Id or slug of one collection.")
    workspace_id: InWorkspace = ABSENT
    search: str = Field(default=ABSENT, description="Part of the name.")


class PromptText(Arguments):
    """The content of a version that both a new prompt and an update take.

    `messages` are sent as Portkey keeps them: as JSON text in `string` (seen live).
    """

    text_is_required: ClassVar[bool] = False

    string: str = Field(
        default=ABSENT, min_length=1, description="Mustache text, or messages as JSON."
    )
    messages: list[Json] = Field(
        default=ABSENT, min_length=1, description="Instead of string: {role, content}."
    )
    model: str = ABSENT
    version_description: str = ABSENT
    functions: list[Json] = Field(default=ABSENT, description="Older form of tools.")
    tools: list[Json] = Field(default=ABSENT, description="{type: function, function}.")
    tool_choice: ToolChoice = Field(
        default=ABSENT, description="{mode: auto|none|function, function_name}."
    )

    @field_validator("messages")
    @classmethod
    def _are_messages(cls, messages: list[Json]) -> list[Json]:
        for message in messages:
            if not isinstance(message.get("role"), str) or "content" not in message:
                raise ValueError("each message needs role and content")
        return messages

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if len(self.given("string", "messages")) > 1:
            raise ValueError("give string or messages, not both")
        if self.text_is_required and not self.given("string", "messages"):
            raise ValueError("give the template as string or as messages")
        return self

    def wire(self) -> dict[str, Any]:
        """Send messages as JSON text in `string`."""
        body = super().wire()
        if "messages" in body:
            body["string"] = json.dumps(body.pop("messages"), ensure_ascii=False)
        return body


class PromptDraft(PromptText):
    """A new prompt."""

    text_is_required = True

    name: str = Field(min_length=1)
    collection_id: str = Field(min_length=1, description="Id or slug; tells the workspace.")
    parameters: Json = Field(description="Model parameters, {} for none.")
    virtual_key: str = Field(min_length=1, description="Provider or virtual key slug.")
    template_metadata: Json = Field(default=ABSENT, description="Of the version.")
    is_raw_template: Annotated[bool, Unsent.IGNORED] = Field(
        default=ABSENT, description="Ignored: only updates know it."
    )


class PromptCreation(PromptDraft):
    """A new prompt, as `create_prompt` takes it."""

    model_is_required: ClassVar[bool] = True

    ai_model_id: Annotated[str, Unsent.FOLDED] = Field(
        default=ABSENT, description="Older name of model."
    )
    finetune_id: Annotated[str, Unsent.FOLDED] = Field(default=ABSENT, description="Sent as model.")
    dry_run: DryRun = ABSENT

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if self.model_is_required and not self.given("model", "ai_model_id", "finetune_id"):
            raise ValueError("give model (or ai_model_id, finetune_id)")
        return self

    def wire(self) -> dict[str, Any]:
        """Send the model, whichever of its names was used."""
        model = self.ai_model_id or self.finetune_id
        return {**({"model": model} if model else {}), **super().wire()}

    def local_answer(self) -> dict[str, Any] | None:
        """Say what a dry run would create."""
        if not self.dry_run:
            return None
        body = self.wire()
        return {
            "dry_run": True,
            "action": "create",
            "name": self.name,
            "model": body.get("model"),
            "template_length": len(body["string"]),
            "parameter_count": len(self.parameters),
        }


class PromptCopy(PromptCreation):
    """A new prompt that a workflow copies from code or from another prompt; it may lack a model."""

    model_is_required = False


class PromptPatch(PromptText, Patch):
    """The fields of a prompt that an update may change; most of them make a version.

    Only `name` and `collection_id` do not. `patch: true` makes Portkey take the other fields from
    the latest version.
    """

    builds_on_latest: ClassVar[bool] = True

    name: str = Field(default=ABSENT, min_length=1)
    collection_id: str = Field(default=ABSENT, description="To move it.")
    parameters: Json = Field(default=ABSENT, description="Model parameters.")
    virtual_key: str = Field(default=ABSENT, description="Provider slug.")
    template_metadata: Json = Field(
        default=ABSENT, serialization_alias="prompt_metadata", description="Of the version."
    )
    is_raw_template: bool = ABSENT
    dry_run: DryRun = ABSENT

    def wire(self) -> dict[str, Any]:
        """Add `patch`, and send the flag as Portkey keeps it, 0 or 1."""
        body = super().wire()
        if "is_raw_template" in body:
            body["is_raw_template"] = int(body["is_raw_template"])
        return {"patch": True, **body} if self.builds_on_latest else body


class PromptReplacement(PromptPatch):
    """A version that takes nothing from the one before: fields that are not given are empty."""

    builds_on_latest = False


class OfVersion(Arguments):
    """Which version to read."""

    version: Number = Field(
        default=ABSENT,
        gt=0,
        description="Instead of the published one; unconfirmed by Portkey's docs.",
    )


class PublishedVersion(Arguments):
    """The version to publish."""

    version: VersionName


class VersionLabel(Arguments):
    """The label of a version."""

    label_id: str | None = Field(description="See `list_prompt_labels`; null takes it off.")


class Prompt(Record):
    """A prompt in one of its versions."""

    summary_fields = ("slug", "id", "name", "collection_id", "model", "status", "created_at")

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    collection_id: str | None = None
    string: str | None = Field(default=None, description="Text, or messages as JSON")
    parameters: Json | None = None
    model: str | None = None
    virtual_key: str | None = None
    prompt_version: int | None = None
    prompt_version_id: str | None = None
    status: str | None = None


class PromptVersion(Record):
    """One version of a prompt."""

    summary_fields = (
        "id",
        "prompt_version",
        "prompt_description",
        "prompt_template",
        "model",
        "label_id",
        "status",
        "created_at",
    )
    missing_fields: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("model", "parameters", "virtual_key"), "`get_prompt_version` reads them"
    )

    id: str | None = None
    prompt_version: int | str | None = None
    prompt_description: str | None = None
    prompt_template: Any = None
    label_id: str | None = None
    status: str | None = Field(default=None, description="active: published; or archived")


class PromptWrite(Record):
    """A written prompt and its new version, or what would be written."""

    id: str | None = None
    slug: str | None = None
    version_id: str | None = None
    prompt_version_id: str | None = None
    prompt_version: int | None = Field(default=None, description="The version's number")
    dry_run: bool | None = None
    action: str | None = None
    problems: list[str] | None = Field(
        default=None, description="Why the real call would be refused"
    )
    not_checked: list[str] | None = Field(default=None, description="By a dry run")


class PromptOutcome(Record):
    """What a workflow did with a prompt, step by step."""

    action: Literal["created", "updated", "unchanged", "refused"]
    dry_run: bool = False
    prompt_id: str = ""
    slug: str = ""
    version_id: str = ""
    prompt_version: int | None = Field(default=None, description="The version's number")
    steps: list[str] = []
    problems: list[str] = Field(default=[], description="Why the real call would be refused")
    not_checked: list[str] = Field(default=[], description="What a dry run did not check")
