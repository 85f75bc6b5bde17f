"""Prompts: templates with versions, rendered and run by slug."""

from ..models.core.base import Done
from ..models.core.paging import Page, Paged
from ..models.prompt_runs import (
    BillingCheck,
    BillingMetadata,
    Completion,
    CompletionRequest,
    Rendered,
    Rendering,
)
from ..models.prompts import (
    OfVersion,
    Prompt,
    PromptCreation,
    PromptFilter,
    PromptId,
    PromptPatch,
    PromptRef,
    PromptVersion,
    PromptWrite,
    PublishedVersion,
    VersionId,
    VersionLabel,
)
from ..portkey.api import Portkey
from ..portkey.catalog import NO_ENDPOINT, LastUse, tool

LAST_USE = LastUse("prompt", "prompt_slug")


@tool("GET /prompts", scope="prompts.list")
async def list_prompts(api: Portkey, filter: PromptFilter, paging: Paged) -> Page[Prompt]:
    """List prompts, without their templates; see `get_prompt`."""
    ...


@tool("POST /prompts", scope="prompts.create", is_listed=False)
async def create_prompt(api: Portkey, draft: PromptCreation) -> PromptWrite:
    """Create a prompt template; its first version is published at once.

    Give `string` or `messages`, with `{{variables}}`. To write one that may exist already:
    `migrate_prompt`.
    """
    ...


@tool("GET /prompts/{prompt_id}", scope="prompts.read")
async def get_prompt(api: Portkey, prompt_id: PromptId, version: OfVersion) -> Prompt:
    """Read a prompt in its published version: template, parameters, model, provider.

    For other versions see `list_prompt_versions` and `get_prompt_version`.
    """
    ...


@tool("PUT /prompts/{prompt_id}", scope="prompts.update", is_listed=False, is_repeatable=False)
async def update_prompt(api: Portkey, prompt_id: PromptId, patch: PromptPatch) -> PromptWrite:
    """Change a prompt; the workflow of this name can also say what would change."""
    ...


@tool("DELETE /prompts/{prompt_id}", scope="prompts.delete", last_use=LAST_USE)
async def delete_prompt(api: Portkey, prompt_id: PromptId) -> Done:
    """Delete a prompt with all its versions; calls by its slug then fail. Cannot be undone."""
    ...


@tool("PUT /prompts/{prompt_id}/makeDefault", scope="prompts.publish", is_listed=False)
async def publish_prompt(api: Portkey, prompt_id: PromptId, version: PublishedVersion) -> Done:
    """Put a version in force: calls by slug get it at once. Publish an older one to roll back."""
    ...


@tool("GET /prompts/{prompt_id}/versions", scope="prompts.list")
async def list_prompt_versions(api: Portkey, prompt_id: PromptId) -> Page[PromptVersion]:
    """List a prompt's versions with their templates, newest first.

    For a version's model and parameters: `get_prompt_version`.
    """
    ...


@tool("GET /prompts/{prompt_id}/versions/{version_id}", scope="prompts.read", is_listed=False)
async def get_prompt_version(api: Portkey, prompt_id: PromptId, version_id: VersionId) -> Prompt:
    """Read one version of a prompt whole."""
    ...


@tool("PUT /prompts/{prompt_id}/versions/{version_id}", scope="prompts.update", is_listed=False)
async def update_prompt_version(
    api: Portkey, prompt_id: PromptId, version_id: VersionId, label: VersionLabel
) -> Done:
    """Put a label on a version, so that slug@label calls it; moved from any other version.

    Nothing else of a version can change: `update_prompt` makes a new one.
    """
    ...


@tool("POST /prompts/{prompt_id}/render", scope="prompts.render", effect="read", is_listed=False)
async def render_prompt(api: Portkey, prompt_id: PromptRef, rendering: Rendering) -> Rendered:
    """Fill in a prompt's variables and see what would be sent; no model is called.

    Needs a workspace key. To get an answer: `run_prompt_completion`.
    """
    ...


@tool(
    "POST /prompts/{prompt_id}/completions",
    scope="completions.write",
    is_billable=True,
    is_listed=False,
    is_repeatable=False,
)
async def run_prompt_completion(
    api: Portkey, prompt_id: PromptRef, request: CompletionRequest
) -> Completion:
    """Send a prompt to its model and return the answer; billed by the provider.

    Needs a workspace key. To see the text only: `render_prompt`.
    """
    ...


@tool(NO_ENDPOINT, scope=None, effect="read")
async def validate_completion_metadata(api: Portkey, metadata: BillingMetadata) -> BillingCheck:
    """Check that metadata for `run_prompt_completion` names who is billed; nothing is sent."""
    ...
