"""Prompts: templates with versions, rendered and run by slug."""

import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.vocabulary import InWorkspace, Json, Number

PromptId = Annotated[str, Field(min_length=1, description="Prompt id or slug.")]
PromptRef = Annotated[
    str,
    Field(min_length=1, description="Slug: published version, or slug@number, @latest, @label."),
]
VersionId = Annotated[str, Field(min_length=1, description="See `list_prompt_versions`.")]
Variables = Annotated[Json, Field(description="Values of the template's variables.")]
DryRun = Annotated[bool, Field(description="Only say what would happen.")]
BILLED_TO = ("client_id", "app", "env")
"""The request metadata that a completion is billed by, in this house's convention."""
OWN_FIELDS = ("variables", "metadata", "stream", "hyperparameters")
CHOICES = ("auto", "none", "required")


def _as_models_take_it(choice: Json | str) -> Json | str:
    """The choice as models take it: a word, or the object that names a function.

    `{mode, function_name}` is the TypeScript server's form, which it writes out like this too.
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
        raise ValueError("function_name is for mode function")
    return str(mode)


ToolChoice = Annotated[
    Json | str, AfterValidator(_as_models_take_it), WithJsonSchema({"type": "object"})
]


class PromptFilter(Arguments):
    """Which prompts to list."""

    collection_id: str = Field(ABSENT, description="Id or slug of one collection.")
    workspace_id: InWorkspace = ABSENT
    search: str = Field(ABSENT, description="Part of the name.")


class PromptText(Arguments):
    """What a version consists of, besides what a new prompt must have.

    `messages` are sent as Portkey keeps them: as JSON text in `string` (seen live).
    """

    text_is_required: ClassVar[bool] = False

    string: str = Field(ABSENT, min_length=1, description="Mustache text, or messages as JSON.")
    messages: list[Json] = Field(
        ABSENT, min_length=1, description="Instead of string: {role, content}."
    )
    model: str = ABSENT
    version_description: str = ABSENT
    functions: list[Json] = Field(ABSENT, description="Older form of tools.")
    tools: list[Json] = Field(ABSENT, description="{type: function, function}.")
    tool_choice: ToolChoice = Field(
        ABSENT, description="{mode: auto|none|function, function_name}."
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
        """Send messages as the text Portkey keeps."""
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
    template_metadata: Json = Field(ABSENT, description="Of the version.")
    is_raw_template: bool = Field(
        ABSENT, exclude=True, description="Ignored: only updates know it."
    )


class PromptCreation(PromptDraft):
    """A new prompt, as the tool takes it."""

    ai_model_id: str = Field(ABSENT, exclude=True, description="Older name of model.")
    finetune_id: str = Field(ABSENT, exclude=True, description="Sent as model.")
    dry_run: DryRun = Field(ABSENT, exclude=True)

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if not self.given("model", "ai_model_id", "finetune_id"):
            raise ValueError("give model (or ai_model_id, finetune_id)")
        return self

    def wire(self) -> dict[str, Any]:
        """Send the model, whichever of its names was used."""
        return {"model": self.ai_model_id or self.finetune_id, **super().wire()}


class PromptPatch(PromptText, Patch):
    """What may change of a prompt; anything but name and collection makes a version.

    `patch` makes Portkey take what is not given from the latest version.
    """

    builds_on_latest: ClassVar[bool] = True

    name: str = Field(ABSENT, min_length=1)
    collection_id: str = Field(ABSENT, description="To move it.")
    parameters: Json = Field(ABSENT, description="Model parameters.")
    virtual_key: str = Field(ABSENT, description="Provider slug.")
    template_metadata: Json = Field(
        ABSENT, serialization_alias="prompt_metadata", description="Of the version."
    )
    is_raw_template: bool = ABSENT
    dry_run: DryRun = Field(ABSENT, exclude=True)

    def wire(self) -> dict[str, Any]:
        """Send flags as Portkey keeps them, 0 or 1."""
        body = super().wire()
        if "is_raw_template" in body:
            body["is_raw_template"] = int(body["is_raw_template"])
        return {"patch": True, **body} if self.builds_on_latest else body


class PromptReplacement(PromptPatch):
    """A version that takes nothing from the one before: what is not given is not in it."""

    builds_on_latest = False


class OfVersion(Arguments):
    """Which version to read."""

    version: Number = Field(
        ABSENT, gt=0, description="Instead of the published one; unconfirmed by Portkey's docs."
    )


class PublishedVersion(Arguments):
    """Which version is to be in force."""

    version: Number = Field(gt=0, description="Version number, not its id.")


class VersionLabel(Arguments):
    """The label of a version."""

    label_id: str | None = Field(description="See `list_prompt_labels`; null takes it off.")


class Rendering(Arguments):
    """Values for a template, and parameters that replace its own."""

    variables: Variables
    hyperparameters: Json = Field(ABSENT, description="temperature, max_tokens, top_p, stop…")

    @field_validator("hyperparameters")
    @classmethod
    def _are_parameters(cls, given: Json) -> Json:
        if taken := [name for name in OWN_FIELDS if name in given]:
            raise ValueError(f"{taken[0]} is not a hyperparameter")
        return given

    def wire(self) -> dict[str, Any]:
        """Put the hyperparameters at the root, where the gateway looks for them."""
        body = super().wire()
        return {**body.pop("hyperparameters", {}), **body}


class CompletionRequest(Rendering):
    """Values for a template, and whom the completion is billed to."""

    metadata: dict[str, str] = Field(
        description="client_id, app, env needed; project_id, feature and more optional."
    )

    @field_validator("metadata")
    @classmethod
    def _can_be_billed(cls, metadata: dict[str, str]) -> dict[str, str]:
        if missing := [name for name in BILLED_TO if not metadata.get(name)]:
            raise ValueError(f"{', '.join(missing)} missing, which billing needs")
        return metadata

    def wire(self) -> dict[str, Any]:
        """Ask for the whole answer at once."""
        return {**super().wire(), "stream": False}


class Prompt(Record):
    """A prompt in one of its versions."""

    summary_fields = ("slug", "id", "name", "collection_id", "model", "status", "created_at")

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    collection_id: str | None = None
    string: str | None = Field(None, description="Text, or messages as JSON")
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
        "label_id",
        "status",
        "created_at",
    )

    id: str | None = None
    prompt_version: int | str | None = None
    prompt_description: str | None = None
    prompt_template: Any = None
    label_id: str | None = None
    status: str | None = Field(None, description="active: published; or archived")


class PromptWrite(Record):
    """A written prompt and its new version, or what would be written."""

    id: str | None = None
    slug: str | None = None
    version_id: str | None = None
    prompt_version_id: str | None = None
    dry_run: bool | None = None
    action: str | None = None


class Rendered(Record):
    """A prompt with its variables filled in, as it would be sent to the model."""

    success: bool | None = None
    data: Json | None = None


class Completion(Record):
    """A model's answer to a prompt."""

    id: str | None = None
    model: str | None = None
    content: str | None = None
    finish_reason: str | None = None
    tool_calls: list[Json] | None = None
    usage: Json | None = Field(None, description="Tokens")

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Reduce a completion to what was answered; several choices are kept as they are.

        The gateway answers as OpenAI does; the OpenAPI file wraps that in `body`.
        """
        body = raw.get("body", raw) if isinstance(raw, dict) else raw
        choices = body.get("choices") if isinstance(body, dict) else None
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
            return super().read(raw)
        message = choices[0].get("message") or {"content": choices[0].get("text")}
        said = {
            "id": body.get("id"),
            "model": body.get("model"),
            "content": message.get("content"),
            "finish_reason": choices[0].get("finish_reason"),
            "tool_calls": message.get("tool_calls"),
            "usage": body.get("usage"),
        }
        return super().read({name: value for name, value in said.items() if value is not None})


class BillingCheck(Record):
    """Whether request metadata names what billing needs."""

    valid: bool
    errors: list[str]
    warnings: list[str]
    metadata: dict[str, str]


class PromptOutcome(Record):
    """What a workflow did with a prompt, step by step."""

    action: Literal["created", "updated", "unchanged"]
    dry_run: bool = False
    prompt_id: str = ""
    slug: str = ""
    version_id: str = ""
    steps: list[str] = []
