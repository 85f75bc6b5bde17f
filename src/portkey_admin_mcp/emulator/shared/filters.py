"""Filters of lists that several domains take in the query."""

import json
from typing import Any

from ..core.answers import invalid
from ..core.routing import Call


def tag_filter(call: Call) -> dict[str, Any]:
    """The tags that listed rows must have: the query's `tags`, a JSON object; empty without it."""
    try:
        tags = json.loads(call.query.get("tags", "{}"))
    except ValueError:
        tags = None
    if not isinstance(tags, dict):
        raise invalid("tags", "must be a JSON object")
    return tags
