"""What a workflow did not read, and why: `not_seen` in its answer."""

from collections.abc import Collection
from typing import Any

from ...errors import ApiError, NotPermitted, PortkeyAdminError
from ...portkey.catalog import Function, tool_of
from ...portkey.text_size import size

MAX_PLACES = 4
"""Workspaces or objects that are named for each list that was not read."""
MAX_REASONS = 8
"""Reasons that are named; the others are counted."""
MAX_CHARS = 1_600
"""Size of all sentences, above which fewer places are named."""
NOT_PERMITTED = "not permitted: a policy or the limit to some workspaces"


class Unread:
    """Which tools did not read what, by the reason."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, list[str]]] = {}
        """The workspaces or objects of each reason and tool; a tool may have none."""

    def add(self, tool: Function | str, place: str, why: str) -> None:
        """Remember that a tool, or what a text names, did not show a place."""
        name = tool if isinstance(tool, str) else _label(tool, why)
        places = self._places.setdefault(why, {}).setdefault(name, [])
        if place and place not in places:
            places.append(place)

    def remove(self, tool: Function, why: str) -> None:
        """Forget one reason of a tool, since another read showed the same."""
        self._places.get(why, {}).pop(_label(tool, why), None)

    def has_any_of(self, tools: Collection[Function]) -> bool:
        """Whether one of these tools did not read something."""
        names = {tool_of(tool).name for tool in tools}
        return any(each.partition(" ")[0] in names for t in self._places.values() for each in t)

    def sentences(self, all_places: Collection[str]) -> list[str]:
        """A sentence for each reason; many places are counted, not named.

        `all_places` are the workspaces that are looked at.
        """
        reasons = [(why, tools) for why, tools in self._places.items() if tools]
        sentences: list[str] = []
        for max_places in (MAX_PLACES, 1, 0):
            sentences = [
                f"{why}: "
                + "; ".join(
                    _named(t, places, all_places, max_places) for t, places in tools.items()
                )
                for why, tools in reasons
            ]
            if size("".join(sentences[:MAX_REASONS])) <= MAX_CHARS:
                break
        others = sentences[MAX_REASONS:]
        rest = [f"{len(others)} more reasons for which something was not read"] if others else []
        return [*sentences[:MAX_REASONS], *rest]


def why_failed(error: PortkeyAdminError) -> str:
    """Why a read failed, without what Portkey wrote: that could be anything."""
    if isinstance(error, NotPermitted):
        return NOT_PERMITTED
    status = error.status if isinstance(error, ApiError) else None
    if status == 403:
        return "403 (no such scope, another kind of key, or the plan)"
    if status == 402:
        return "402 (the plan)"
    return f"{status or type(error).__name__}"


def _label(tool: Function, why: str) -> str:
    """A tool, after a refusal with the scopes and the plan that it needs."""
    declared = tool_of(tool)
    if not why.startswith("403"):
        return declared.name
    needs: list[Any] = [declared.scopes_in_words] if declared.scopes else []
    needs += ["enterprise plan"] if declared.enterprise else []
    return f"{declared.name} [{', '.join(needs)}]" if needs else declared.name


def _named(tool: str, places: list[str], all_places: Collection[str], max_places: int) -> str:
    """A tool, with the places of which it was not read."""
    if not places:
        return tool
    if len(places) > 1 and {*places} == {*all_places}:
        return f"{tool} of all workspaces"
    names = places[:max_places]
    rest = [f"{len(places) - len(names)} more"] if len(places) > len(names) else []
    return f"{tool} of {', '.join([*names, *rest])}"
