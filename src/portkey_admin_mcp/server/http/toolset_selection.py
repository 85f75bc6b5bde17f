"""What the headers and the query of a request limit it to; they can only narrow.

Toolsets by `?tools=users,mcp` or `X-MCP-Toolsets`, reading by `?readonly=1` or
`X-Portkey-Readonly`, workspaces by `X-Portkey-Workspaces`.
"""

from collections import OrderedDict
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...domains import GROUPS, domains_of
from ...suggestions import MAX_NAME_LENGTH, suggest
from ..offer.toolsets import Selection, narrowed_to
from .request import RequestRefused, header_values

PARAMETER = "tools"
HEADER = "x-mcp-toolsets"
READ_ONLY_PARAMETER = "readonly"
READ_ONLY_HEADER = "x-portkey-readonly"
WORKSPACES_HEADER = "x-portkey-workspaces"
LIMITING_HEADERS = frozenset(
    name.encode() for name in (HEADER, READ_ONLY_HEADER, WORKSPACES_HEADER)
)
SESSION_HEADER = "mcp-session-id"
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
MAX_WORKSPACES = 50
"""Workspaces that one request may name."""
MAX_SESSIONS = 10_000
"""Sessions whose limits are remembered; many more than are open."""


class ToolsetSelection:
    """ASGI middleware that limits a request to what it names; answers 400 to an unknown name.

    Several parameters or headers are intersected: each can remove something, none can add any.
    What the first request of a session says of reading and of workspaces holds to its end.
    """

    def __init__(self, app: ASGIApp, domains: list[str]) -> None:
        self._app = app
        self._domains = domains
        self._sessions: OrderedDict[str, Selection] = OrderedDict()
        """The limits that the first request of each session named, if it did."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request with the limits that it names."""
        if not scope["query_string"] and not self._sessions and not _names_limits(scope):
            await self._app(scope, receive, send)
            return
        try:
            selection = self._selection(scope)
        except RequestRefused as refused:
            await refused.response()(scope, receive, send)
            return
        session = next(iter(header_values(scope, SESSION_HEADER)), "")
        if session in self._sessions:
            selection = selection.narrowed(self._sessions[session])
            if scope["method"] == "DELETE":
                send = self._forgetting(session, send)
        elif not session and (selection.read_only or selection.workspaces):
            send = self._remembering(selection, send)
        with narrowed_to(selection):
            await self._app(scope, receive, send)

    def _selection(self, scope: Scope) -> Selection:
        """What a request names. Raises RequestRefused for an unknown toolset or value."""
        query = Request(scope).query_params
        texts = [*query.getlist(PARAMETER), *header_values(scope, HEADER)]
        lists = [names for text in texts if (names := set(_names(text)))]
        unknown = [n for n in sorted(set().union(*lists)) if not self._is_offered(n)]
        if unknown:
            raise RequestRefused(400, "unknown_toolset", self._correction(unknown[0]))
        chosen = [frozenset(d for name in names for d in domains_of(name)) for names in lists]
        read_only = [*query.getlist(READ_ONLY_PARAMETER), *header_values(scope, READ_ONLY_HEADER)]
        return Selection(
            frozenset.intersection(*chosen) if chosen else None,
            _is_read_only(read_only),
            _workspaces(header_values(scope, WORKSPACES_HEADER)),
        )

    def _remembering(self, selection: Selection, send: Send) -> Send:
        """Send an answer, and remember the limits if it begins a session."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                for name, value in message["headers"]:
                    if name.lower() == SESSION_HEADER.encode():
                        self._sessions[value.decode("latin-1")] = selection._replace(domains=None)
                while len(self._sessions) > MAX_SESSIONS:
                    self._sessions.popitem(last=False)
            await send(message)

        return watched

    def _forgetting(self, session: str, send: Send) -> Send:
        """Send an answer, and forget the limits of a session that it has ended."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self._sessions.pop(session, None)
            await send(message)

        return watched

    def _is_offered(self, toolset: str) -> bool:
        return not {*domains_of(toolset)}.isdisjoint(self._domains)

    def _correction(self, name: str) -> str:
        hint = suggest(name, [*self._domains, *GROUPS], limit=1)
        advice = hint or f"there are {', '.join(self._domains)}"
        return f"There is no toolset {name[:MAX_NAME_LENGTH]!r}; {advice}"


def _names_limits(scope: Scope) -> bool:
    """Whether a header limits the request."""
    # A loop, because `any` with a generator takes twice as long for every request.
    for name, _ in scope["headers"]:  # noqa: SIM110
        if name in LIMITING_HEADERS:
            return True
    return False


def _is_read_only(values: Iterable[str]) -> bool:
    """Whether any of these asks for reads only; raises RequestRefused for any other word."""
    words = [value.strip().lower() for value in values]
    if any(word not in TRUE | FALSE for word in words):
        message = f"{READ_ONLY_HEADER} and ?{READ_ONLY_PARAMETER} take true or false."
        raise RequestRefused(400, "invalid_readonly", message)
    return any(word in TRUE for word in words)


def _workspaces(values: list[str]) -> tuple[frozenset[str], ...]:
    """The limits that the headers name, each a set; raises RequestRefused for an empty one."""
    sets = tuple(dict.fromkeys(frozenset(_names(value)) for value in values))
    if any(not 1 <= len(each) <= MAX_WORKSPACES for each in sets):
        message = f"{WORKSPACES_HEADER} takes 1 to {MAX_WORKSPACES} ids or slugs, with commas."
        raise RequestRefused(400, "invalid_workspaces", message)
    return sets


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
