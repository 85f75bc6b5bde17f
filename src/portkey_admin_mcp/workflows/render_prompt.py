"""Fill in a prompt, and name the variables that do not fit its template."""

from ..models.prompt_runs import Rendered, Rendering
from ..models.prompts import PromptRef
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import render_prompt as render_prompt_request
from .prompts.template_variables import TEMPLATE_TOOLS, variable_notes

DOMAIN = "prompts"


@workflow(render_prompt_request, optional=TEMPLATE_TOOLS, effect="read")
async def render_prompt(api: Portkey, prompt_id: PromptRef, rendering: Rendering) -> Rendered:
    """Fill in a prompt's variables and see what would be sent; no model is called.

    Needs a workspace key. To get an answer: `run_prompt_completion`.
    """
    rendered = await render_prompt_request(api, prompt_id, rendering)
    return rendered.with_notes(*await variable_notes(api, prompt_id, rendering.variables))
