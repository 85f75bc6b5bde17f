"""The objects that name others in their content; previews of several domains look there."""

from .catalog import Dependants

CONFIGS = Dependants(
    "configs",
    "GET /configs",
    where="*",
    content="GET /configs/{slug}",
    by_workspace=True,
)
PROMPTS = Dependants(
    "prompts",
    "GET /prompts",
    where="*",
    content="GET /prompts/{prompt_id}",
    by_workspace=True,
)
