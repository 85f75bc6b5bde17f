"""Guardrails: checks on requests and answers, and what to do when they fail."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record, Unsent
from .core.paging import Paged
from .core.vocabulary import CommaSeparated, InWorkspace, Json, JsonText, Number, OfOrganisation
from .guardrail_checks import notes_on_checks

GuardrailId = Annotated[str, Field(min_length=1, description="Guardrail id or slug.")]
McpServerId = Annotated[str, Field(min_length=1, json_schema_extra={"format": "uuid"})]
RunOn = Annotated[
    list[Literal["input", "output"]], Field(min_length=1, description="Default: both.")
]
Capabilities = Annotated[list[str], Field(description="Capability UUIDs; all if left out.")]


class GuardrailFilter(Paged):
    """Which guardrails to list."""

    workspace_id: InWorkspace = ABSENT
    organisation_id: str = Field(default=ABSENT, description="For those of the organisation.")
    page_size: int = Field(default=ABSENT, ge=1, le=1000)
    ids: CommaSeparated = ABSENT


class Check(Arguments):
    """One check."""

    id: str = Field(
        min_length=1,
        description="default.wordCount {maxWords}, default.regexMatch {rule, not}, "
        "default.contains {words, operator: any|all|none}, "
        "portkey.pii {categories: [EMAIL_ADDRESS, PHONE_NUMBER, SSN, CREDIT_CARD…], redact}…",
    )
    name: str = ABSENT
    is_enabled: bool = ABSENT
    parameters: Json = Field(default=ABSENT, description="The check's own settings.")


class Feedback(Arguments):
    """Feedback that is recorded on its own; also accepted as `get_guardrail` shows it."""

    value: Number = ABSENT
    weight: Number = ABSENT
    metadata: JsonText = ABSENT

    @model_validator(mode="before")
    @classmethod
    def _in_the_form_of_an_answer(cls, value: Any) -> Any:
        """Accept `{"feedback": {…}}`, the form in which Portkey answers."""
        if isinstance(value, dict) and value.keys() == {"feedback"}:
            return value["feedback"]
        return value

    def wire(self) -> Json:
        """Send the fields inside `feedback`, as Portkey has them."""
        return {"feedback": super().wire()}


class Actions(Arguments):
    """What happens when checks fail or pass."""

    deny: bool = Field(default=ABSENT, description="Refuse the request (446).")
    async_: bool = Field(
        default=ABSENT, alias="async", serialization_alias="async", description="Do not wait."
    )
    on_success: Feedback = Field(default=ABSENT, description="Feedback: value ±10, weight 0 to 1.")
    on_fail: Feedback = ABSENT
    on_fail_action: Annotated[str, Unsent.IGNORED] = Field(default=ABSENT, description="Ignored.")
    message: Annotated[str, Unsent.IGNORED] = Field(default=ABSENT, description="Ignored.")


def _with_defaults(actions: Json) -> Json:
    """The actions with all parts that Portkey requires; what is left out has its default."""
    complete = {"deny": False, "async": False, **actions}
    for name, value in (("on_success", 5), ("on_fail", -5)):
        feedback = actions.get(name, {}).get("feedback", {})
        complete[name] = {"feedback": {"value": value, "weight": 1, "metadata": "", **feedback}}
    return complete


class GuardrailContent(Arguments):
    """The fields of a guardrail that can be set when it is created, and changed later."""

    def notes(self) -> list[str]:
        """Which checks and parameters Portkey's documentation does not know."""
        checks: list[Check] = getattr(self, "checks", ABSENT) or []
        return notes_on_checks(
            (check.id, check.parameters if check.given("parameters") else None) for check in checks
        )

    def wire(self) -> Json:
        """Complete the actions, if there are any: Portkey requires all parts of them."""
        body = super().wire()
        if "actions" in body:
            body["actions"] = _with_defaults(body["actions"])
        return body


class GuardrailDraft(GuardrailContent):
    """A new guardrail."""

    name: str = Field(min_length=1)
    checks: list[Check] = Field(min_length=1)
    actions: Actions = ABSENT
    workspace_id: InWorkspace = ABSENT
    organisation_id: OfOrganisation = ABSENT
    target: Literal["llm", "mcp_tools"] = ABSENT

    def wire(self) -> Json:
        """Send actions even if none are given: Portkey requires them."""
        return {"actions": _with_defaults({}), **super().wire()}


class GuardrailPatch(GuardrailContent, Patch):
    """The fields of a guardrail that an update may change; each change is a new version."""

    name: str = Field(default=ABSENT, min_length=1)
    checks: list[Check] = Field(default=ABSENT, min_length=1, description="Replaces all.")
    actions: Actions = ABSENT


class McpServerMapping(Arguments):
    """When a guardrail runs for an MCP server."""

    run_on: RunOn = ABSENT
    mcp_integration_capability_ids: Capabilities = ABSENT


class McpServerMappings(Arguments):
    """All MCP servers of a guardrail."""

    mcp_servers: dict[str, McpServerMapping] = Field(
        description="By server UUID: {run_on, mcp_integration_capability_ids}; {} for none."
    )


class Guardrail(Record):
    """A guardrail; a list leaves out checks and actions."""

    summary_fields = ("slug", "id", "name", "status", "owner_id", "created_at")

    id: str | None = None
    slug: str | None = Field(default=None, description="`pg-…`, what configs refer to")
    name: str | None = None
    status: str | None = None
    workspace_id: str | None = Field(default=None, description="null: the organisation's")
    checks: list[dict[str, Any]] | None = None
    actions: dict[str, Any] | None = None


class GuardrailRef(Record):
    """A written guardrail and its new version."""

    id: str | None = None
    slug: str | None = None
    version_id: str | None = None


class GuardrailMcpServers(Record):
    """The MCP servers that a guardrail runs for, by server id."""

    mcp_servers: dict[str, Any] | None = None
