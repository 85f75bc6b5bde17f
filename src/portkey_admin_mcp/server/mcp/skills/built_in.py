"""The server's own skills: each prompt with its steps, and the guides that explain them."""

import inspect
from functools import cache
from typing import Any, get_type_hints

from ..guide_texts import GUIDES, guide_text
from ..prompts import PROMPTS, Plan
from .front_matter import render
from .skill import MAIN_FILE, Skill

NAMESPACE = "portkey-admin"
"""The first segment of their URIs."""
FOR_WHOM = (
    "For administrators of a Portkey organisation, with the tools of the portkey-admin server."
)
COMPATIBILITY = "Needs the tools of the MCP server portkey-admin-mcp."
DEFAULT_GUIDES = ("workflows",)
GUIDES_OF = {
    "onboard_team": ("workflows", "configs"),
    "investigate_cost_spike": ("workflows", "errors"),
    "review_guardrails": ("guardrails",),
    "migrate_virtual_keys": ("workflows", "configs"),
}
"""The guides that belong to a prompt, where those are not the default ones."""


@cache
def built_in_skills() -> dict[str, Skill]:
    """The skills, by the name of the prompt that each is made of."""
    return {plan.__name__: _skill(plan) for plan in PROMPTS}


def _skill(plan: Plan) -> Skill:
    name = plan.__name__.replace("_", "-")
    front_matter: dict[str, Any] = {
        "name": name,
        "description": f"{inspect.cleandoc(plan.__doc__ or '')} {FOR_WHOM}",
        "compatibility": COMPATIBILITY,
    }
    guides = GUIDES_OF.get(plan.__name__, DEFAULT_GUIDES)
    references = {f"references/{guide}.md": guide_text(guide) for guide in guides}
    body = (
        f"# {name.replace('-', ' ').capitalize()}\n\n"
        'In the steps, "I" and "me" are the user, and `<…>` stands for what the user names. Ask '
        "for what is missing:\n\n"
        f"{_inputs(plan)}\n\n## Steps\n\n{_steps(plan)}\n\n## Read more\n\n"
        + "".join(f"- [{guide}](references/{guide}.md): {GUIDES[guide]}\n" for guide in guides)
    )
    files = {MAIN_FILE: render(front_matter, body), **references}
    return Skill(f"{NAMESPACE}/{name}", front_matter, files)


def _inputs(plan: Plan) -> str:
    """A line for each argument of the prompt."""
    hints = get_type_hints(plan, include_extras=True)
    return "\n".join(
        f"- {name.replace('_', ' ')}{_default(each)}: {hints[name].__metadata__[0].description}"
        for name, each in inspect.signature(plan).parameters.items()
    )


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return ""
    return f" (optional, {parameter.default})" if parameter.default else " (optional)"


def _steps(plan: Plan) -> str:
    """The text of the prompt, with a placeholder for each argument that it needs."""
    parameters = inspect.signature(plan).parameters.values()
    needed = [p.name for p in parameters if p.default is inspect.Parameter.empty]
    return plan(**{name: f"<{name.replace('_', ' ')}>" for name in needed})
