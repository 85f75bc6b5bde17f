"""Running a prompt: its variables filled in, a model's answer to it, and who is billed."""

from typing import Annotated, Any, Self

from pydantic import Field, field_validator

from .core.base import ABSENT, Arguments, Record
from .core.vocabulary import Json

Variables = Annotated[Json, Field(description="Values of the template's variables.")]
BILLED_TO = ("client_id", "app", "env")
"""The request metadata that a completion must have, so that its costs can be assigned."""
REQUEST_FIELDS = ("variables", "metadata", "stream", "hyperparameters")
"""Fields of the request itself, which a hyperparameter must not replace."""


class Rendering(Arguments):
    """Values for a template, and model parameters that override the prompt's own."""

    variables: Variables
    hyperparameters: Json = Field(
        default=ABSENT, description="temperature, max_tokens, top_p, stop…"
    )

    @field_validator("hyperparameters")
    @classmethod
    def _are_hyperparameters(cls, parameters: Json) -> Json:
        if reserved := [name for name in REQUEST_FIELDS if name in parameters]:
            raise ValueError(f"{reserved[0]} is not a hyperparameter")
        return parameters

    def wire(self) -> dict[str, Any]:
        """Send the hyperparameters at the root, where the gateway reads them."""
        body = super().wire()
        return {**body.pop("hyperparameters", {}), **body}


class CompletionRequest(Rendering):
    """Values for a template, and the metadata that the costs are assigned by."""

    metadata: dict[str, str] = Field(
        description="client_id, app, env needed; project_id, feature and more optional."
    )

    @field_validator("metadata")
    @classmethod
    def _has_billing_fields(cls, metadata: dict[str, str]) -> dict[str, str]:
        if missing := [name for name in BILLED_TO if not metadata.get(name)]:
            raise ValueError(f"add {', '.join(missing)}: needed for billing")
        return metadata

    def wire(self) -> dict[str, Any]:
        """Ask for the answer in one piece."""
        return {**super().wire(), "stream": False}


class BillingMetadata(Arguments):
    """The metadata of a completion that its costs are assigned by."""

    client_id: str = ABSENT
    app: str = Field(default=ABSENT, min_length=1)
    env: str = Field(default=ABSENT, min_length=1)
    project_id: str = ABSENT
    feature: str = ABSENT

    def local_answer(self) -> dict[str, Any]:
        """Check that the required fields are there."""
        metadata = self.model_dump(exclude_unset=True)
        errors = [f"Missing required field: {name}" for name in BILLED_TO if not metadata.get(name)]
        warnings = []
        if not metadata.get("project_id"):
            warnings.append(
                "Missing recommended field: project_id (helps with billing attribution)"
            )
        return {
            "valid": not errors,
            "errors": errors,
            "warnings": warnings,
            "metadata": metadata,
        }


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
    usage: Json | None = Field(default=None, description="Tokens")

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Reduce an answer with one choice to its content; any other answer is kept as it came.

        The gateway answers as OpenAI does; the OpenAPI file wraps that in `body`.
        """
        body = raw.get("body", raw) if isinstance(raw, dict) else raw
        choices = body.get("choices") if isinstance(body, dict) else None
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
            return super().read(raw)
        message = choices[0].get("message") or {"content": choices[0].get("text")}
        if not isinstance(message, dict):
            return super().read(raw)
        fields = {
            "id": body.get("id"),
            "model": body.get("model"),
            "content": message.get("content"),
            "finish_reason": choices[0].get("finish_reason"),
            "tool_calls": message.get("tool_calls"),
            "usage": body.get("usage"),
        }
        return super().read({name: value for name, value in fields.items() if value is not None})


class BillingCheck(Record):
    """Whether request metadata names what billing needs."""

    valid: bool
    errors: list[str]
    warnings: list[str]
    metadata: dict[str, str]
