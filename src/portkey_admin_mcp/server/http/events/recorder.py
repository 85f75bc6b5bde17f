"""Appends what the SDK's transport sends to the event log."""

import asyncio
from collections.abc import Callable
from typing import Any

from mcp.server.streamable_http import EventStore
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse, RequestId

from ....safety.caller import Caller
from ...mcp.sdk_private import GET_STREAM_KEY
from .event_log import EventLog, EventLogUnavailable, new_stream_id


class StreamRecorder(EventStore):
    """Appends the events of one transport to the event log, under stream ids of its own.

    Never raises: an event that cannot be kept is still sent, without an id. Each request has one
    answer: what is stored for it after that gets no id.
    """

    def __init__(self, events: EventLog, principal: Caller) -> None:
        self._events = events
        self._principal = principal
        self._streams: dict[str, str] = {}
        self._request_ids: dict[str, RequestId] = {}
        self.timeout_s: float | None = None
        """Seconds for which an event may delay its sending; None: as long as the log allows."""
        self.idle = asyncio.Event()
        self.on_answer: Callable[[str], None] = lambda _stream_id: None
        """Called with the id of each request whose answer was stored, before it is sent."""

    def open(self, request_id: RequestId) -> None:
        """Record the id of a request with its type; the SDK's names of streams are text."""
        self._request_ids[str(request_id)] = request_id

    def discard(self, stream_id: str) -> None:
        """Forget a request that was refused."""
        self._request_ids.pop(stream_id, None)
        self._streams.pop(stream_id, None)

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Store a message before it is sent; returns its event id, or "" if that failed."""
        last = stream_id != GET_STREAM_KEY and isinstance(message, JSONRPCResponse | JSONRPCError)
        if message is None:
            # A cursor comes first on each stream, and a request id may be used again.
            self._streams[stream_id] = new_stream_id()
        elif last and stream_id not in self._request_ids and stream_id not in self._streams:
            return ""
        stream = self._streams.setdefault(stream_id, new_stream_id())
        request_id = self._request_ids.get(stream_id)
        if last:
            # Before the event is appended, so that another answer meanwhile finds no request.
            self.discard(stream_id)
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._events.append(
                    self._principal, stream, _text(message), last, request_id
                )
        except (EventLogUnavailable, TimeoutError):
            if last and request_id is not None:
                await self._events.end_later(self._principal, stream, request_id)
            return ""
        finally:
            if last:
                self.idle.set()
                self.on_answer(stream_id)

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        """Return None: `resumption` answers before the transport would."""
        return None


def _text(message: JSONRPCMessage | None) -> str | None:
    return None if message is None else message.model_dump_json(by_alias=True, exclude_unset=True)
