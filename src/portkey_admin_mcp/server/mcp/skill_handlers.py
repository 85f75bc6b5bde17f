"""The handlers of the skills extension (SEP-2640) for the SDK's server."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ..calls.tool_calls import ToolFailed
from .resources import ResourceNotFound
from .skills.skill import SkillNotFound

if TYPE_CHECKING:
    from .skills.methods import OfferedSkills

log = logging.getLogger(__name__)

T = TypeVar("T")
Context = ServerRequestContext[Any, Any]


class UriParams(types.RequestParams):
    """The parameters of `skills/get`."""

    uri: str


class DirectoryParams(types.PaginatedRequestParams):
    """The parameters of `resources/directory/read`."""

    uri: str


class SkillHandlers:
    """Answers the methods of the extension, where it is announced."""

    def __init__(
        self, skills: "Callable[[], OfferedSkills]", is_announced: Callable[[], bool]
    ) -> None:
        self._skills = skills
        self._is_announced = is_announced

    def add_to(self, server: Server[Any]) -> None:
        """Register the methods."""
        server.add_request_handler("skills/list", types.PaginatedRequestParams, self._list)
        server.add_request_handler("skills/get", UriParams, self._get)
        server.add_request_handler("resources/directory/read", DirectoryParams, self._directory)

    async def _list(self, context: Context, params: types.PaginatedRequestParams) -> dict[str, Any]:
        self._require_announced(context, "skills/list")
        _require_no_cursor(params.cursor)
        return await self._skills().listed()

    async def _get(self, context: Context, params: UriParams) -> dict[str, Any]:
        self._require_announced(context, "skills/get")
        return await served_at(params.uri, self._skills().get(params.uri))

    async def _directory(self, context: Context, params: DirectoryParams) -> dict[str, Any]:
        self._require_announced(context, "resources/directory/read")
        _require_no_cursor(params.cursor)
        return {"resources": await served_at(params.uri, self._skills().directory(params.uri))}

    def _require_announced(self, context: Context, method: str) -> None:
        is_modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        if not is_modern or not self._is_announced():
            raise MCPError(types.METHOD_NOT_FOUND, "Method not found", method)


async def served_at(uri: str, answer: Awaitable[T]) -> T:
    """What is served at this URI; raises MCPError if nothing is, or if Portkey refuses."""
    try:
        return await answer
    except (SkillNotFound, ResourceNotFound):
        message = f"Resource not found: {uri[:200]!r}"
        raise MCPError(types.INVALID_PARAMS, message, {"uri": uri[:200]}) from None
    except ToolFailed as error:
        advice = str(error)
        log.info("resource %r was not read: %s", uri[:200], advice.partition("\n")[0])
        raise MCPError(types.INTERNAL_ERROR, advice) from None


def _require_no_cursor(cursor: str | None) -> None:
    if cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "There is no such page: this list has one page.")
