"""The guides: Markdown texts that resources and skills contain."""

from pathlib import Path

from ...models.guardrail_checks import checks_table

GUIDES = {
    "workflows": "How an administrator's usual tasks go, and in which order they are safe.",
    "configs": "The config language: routing, fallback, cache, retries, with examples.",
    "guardrails": "Where guardrails run, and all checks with their parameters.",
    "errors": "Portkey's error codes, and what to do about each.",
    "scopes": "What a key needs for each tool.",
}
"""What each is about. `scopes` has no text of its own: it is made of the tools that are offered."""
GUIDES_FOLDER = Path(__file__).with_name("guides")


def guide_text(name: str) -> str:
    """The text of a guide other than `scopes`."""
    text = GUIDES_FOLDER.joinpath(f"{name}.md").read_text(encoding="utf-8")
    return text + checks_table() if name == "guardrails" else text
