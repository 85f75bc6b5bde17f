"""Links to Portkey's dashboard: the page on which an object stands.

Only addresses that Portkey itself publishes, in its documentation or its SDK, are here; those of
single objects it does not (`docs/decisions/links.md`). So no part of a link comes from an answer.
"""

from ...models.core.base import Record
from ...portkey.catalog import Tool

FIELD = "dashboard"
"""The field of an answer that holds its link."""
PAGES = {
    "GET /api-keys/{id}": "api-keys",
    "GET /configs/{slug}": "configs",
    "GET /integrations/{slug}": "integrations",
    "GET /prompts/{prompt_id}": "prompts",
    "GET /providers/{slug}": "model-catalog/providers",
    "GET /virtual-keys/{slug}": "virtual-keys",
}
"""The page for each read of one object, relative to the dashboard."""


def page_of(tool: Tool) -> str:
    """The page of the object that a tool reads; empty if it is not known, or there are several."""
    return PAGES.get(tool.endpoints[0], "") if len(tool.endpoints) == 1 else ""


def with_link(record: Record, link: str) -> Record:
    """The answer with a link, unless Portkey has sent a field of that name."""
    answer = record.answer()
    return record if FIELD in answer else type(record).read({**answer, FIELD: link})
