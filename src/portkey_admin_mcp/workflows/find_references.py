"""Find every stored object that names another, a model, or any text."""

from typing import Annotated, Literal

from pydantic import Field

from ..models.core.base import ABSENT, Unsent
from ..models.core.findings import Findings
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from .references.answer import READS, references_to
from .references.search import LISTS
from .shared.brief import Breadth

DOMAIN = "organisation"
Kind = Literal[
    "configs", "prompts", "partials", "guardrails", "providers", "integrations", "mcp",
    "workspaces", "api_keys", "limits", "collections", "labels", "organisation",
]  # fmt: skip
Text = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"\w",
        description="Slug, id, name, model or words; whole words match.",
    ),
]


class Places(Breadth):
    """Where to look."""

    kinds: Annotated[list[Kind], Unsent.LOCAL] = Field(
        default=ABSENT, min_length=1, description="Only in these."
    )
    workspace_id: Annotated[str, Unsent.LOCAL] = Field(
        default=ABSENT, min_length=1, description="Only in this one: id or slug."
    )


@workflow(optional=READS, effect="read", reports_progress=True)
async def find_references(api: Portkey, text: Text, places: Places) -> Findings:
    """Find all stored objects that name a model, key, config, guardrail, label or any text.

    With where (`~`: as a word of a longer text), their last use, and what could not be read. Use
    before renaming, replacing or deleting something.
    """
    kinds: list[str] = [*(places.kinds or LISTS)]
    return await references_to(api, text, kinds, places.workspace_id or "", places.limit or None)
