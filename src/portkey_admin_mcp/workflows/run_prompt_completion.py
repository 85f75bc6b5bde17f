"""Run a prompt, and name the variables that do not fit its template."""

from ..models.prompt_runs import Completion, CompletionRequest
from ..models.prompts import PromptRef
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import run_prompt_completion as run_prompt_completion_request
from .prompts.template_variables import TEMPLATE_TOOLS, variable_notes

DOMAIN = "prompts"


@workflow(
    run_prompt_completion_request,
    optional=TEMPLATE_TOOLS,
    effect="create",
    is_billable=True,
    is_repeatable=False,
    no_undo="the model's provider bills it",
)
async def run_prompt_completion(
    api: Portkey, prompt_id: PromptRef, request: CompletionRequest
) -> Completion:
    """Send a prompt to its model and return the answer; billed by the provider.

    Needs a workspace key. To see the text only: `render_prompt`.
    """
    completion = await run_prompt_completion_request(api, prompt_id, request)
    return completion.with_notes(*await variable_notes(api, prompt_id, request.variables))
