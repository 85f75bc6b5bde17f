"""The skills that are offered to the current request, and what the methods of SEP-2640 answer."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ....safety.caller import current_caller
from ...calls.tool_calls import ToolCalls
from ...offer.toolsets import selected
from .built_in import NAMESPACE as BUILT_IN
from .built_in import built_in_skills
from .organisation import NAMESPACE as ORGANISATION
from .organisation import OrganisationSkills, read_all, read_one
from .skill import SCHEME, Skill, SkillNotFound, children_of

CACHED_S = 30
"""Seconds for which the list of an organisation's skills is kept, here and by clients."""
MAX_CACHED = 128
"""Callers whose organisation's skills are kept; the oldest are dropped."""
PROBLEMS_KEY = "portkey-admin/not-served"
"""The field of `_meta` that lists what is not served, and why."""


class OfferedSkills:
    """The skills of the current request: this server's and its organisation's."""

    def __init__(self, calls: ToolCalls) -> None:
        self._calls = calls
        self._cached: OrderedDict[Any, tuple[float, OrganisationSkills]] = OrderedDict()

    async def listed(self) -> dict[str, Any]:
        """The result of `skills/list`."""
        organisation = await self._organisation()
        result: dict[str, Any] = {
            "skills": [skill.entry for skill in [*self._built_in(), *organisation.skills]],
            **_cached_for(CACHED_S if organisation.is_settled else 0),
        }
        if organisation.problems:
            result["_meta"] = {PROBLEMS_KEY: organisation.problems}
        return result

    async def get(self, uri: str) -> dict[str, Any]:
        """The result of `skills/get`. Raises SkillNotFound, and ToolFailed by Portkey."""
        skill = next((each for each in self._built_in() if each.uri == uri), None)
        skill = skill or await read_one(self._calls, uri)
        return {"skill": skill.entry, **_cached_for(CACHED_S)}

    async def read(self, uri: str) -> str:
        """The text of a file. Raises SkillNotFound, and ToolFailed by Portkey.

        An organisation's is read anew, as by `get`: the text that a client reads must be the one
        whose digest it gets when it asks again.
        """
        for skill in self._built_in():
            if (text := skill.text_of(uri)) is not None:
                return text
        text = (await read_one(self._calls, uri)).text_of(uri)
        assert text is not None  # the skill has this URI
        return text

    async def directory(self, uri: str) -> list[dict[str, Any]]:
        """The files and directories in a directory. Raises SkillNotFound."""
        path = uri.removeprefix(SCHEME)
        if path == BUILT_IN or path.startswith(f"{BUILT_IN}/"):
            return children_of(uri, self._built_in())
        if path == ORGANISATION or path.startswith(f"{ORGANISATION}/"):
            return children_of(uri, (await self._organisation()).skills)
        raise SkillNotFound(uri)

    def _built_in(self) -> Sequence[Skill]:
        """The server's own skills of which all tools are offered."""
        names = {prompt["name"] for prompt in self._calls.offer.current.definitions("prompts")}
        return [skill for name, skill in built_in_skills().items() if name in names]

    async def _organisation(self) -> OrganisationSkills:
        """The organisation's skills; those of a moment ago, if no request failed then."""
        expires_at, cached = self._cached.get(_reader(), (0.0, None))
        if cached is not None and time.monotonic() < expires_at:
            return cached
        skills = await read_all(self._calls)
        if skills.is_settled:
            self._cached[_reader()] = (time.monotonic() + CACHED_S, skills)
            self._cached.move_to_end(_reader())
            while len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        return skills


def _reader() -> Any:
    """Who reads, with which key, and what the request is limited to: nobody gets another's."""
    return current_caller.get().identity, selected()


def _cached_for(seconds: int) -> dict[str, Any]:
    """The fields that say for how long, and for whom, a client may cache a result."""
    return {"ttlMs": seconds * 1000, "cacheScope": "private"}
