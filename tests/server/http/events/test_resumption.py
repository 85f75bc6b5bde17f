"""What `GET /mcp` with Last-Event-ID answers, and how long a resumed stream stays open."""

import asyncio

import pytest

from asgi_client import Clock, client_of
from portkey_admin_mcp.safety.caller import ANONYMOUS
from portkey_admin_mcp.server.http.events.event_log import (
    Event,
    EventLog,
    EventLogUnavailable,
    UnknownEvent,
    new_stream_id,
)
from portkey_admin_mcp.server.http.events.memory_log import MemoryEventLog
from portkey_admin_mcp.server.http.events.resumption import (
    HEARTBEAT,
    HEARTBEAT_INTERVAL_S,
    IDLE_TIMEOUT_S,
    EventStream,
    StreamResumption,
)
from portkey_admin_mcp.settings.hosting import Hosting

TIMEOUT_S = 20
STREAM = {"accept": "application/json, text/event-stream"}
EVENT_ID = f"{'0' * 32}.1"
CURSOR = Event("1", None, False)
ANSWER = Event("2", '{"n":1}', True)
ENCODED_CURSOR = b"id: 1\ndata: \n\n"
ENCODED_ANSWER = b'id: 2\nevent: message\ndata: {"n":1}\n\n'


class ScriptedLog(EventLog):
    """An event log whose followers see these steps: events, times without one, and errors."""

    def __init__(self, clock, *steps):
        super().__init__()
        self._clock = clock
        self._steps = steps

    async def follow(self, cursor):
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, int | float):
                self._clock.now = step
                yield None
            else:
                yield step

    async def append(self, principal, stream, message, last, request_id=None):
        raise EventLogUnavailable

    async def end_later(self, principal, stream, request_id):
        raise EventLogUnavailable

    async def ping(self):
        raise EventLogUnavailable

    async def close(self):
        raise EventLogUnavailable

    def _watch(self, call):
        raise UnknownEvent

    async def _read(self, cursor):
        raise UnknownEvent


async def resume(events, clock=None, headers=STREAM, event_id=EVENT_ID):
    app = StreamResumption(events, clock or Clock())
    async with asyncio.timeout(TIMEOUT_S), client_of(app) as client:
        return await client.get("/mcp", headers={**headers, "last-event-id": event_id})


@pytest.fixture
def clock():
    return Clock()


async def test_the_events_after_the_last_one_are_sent_as_a_stream():
    events, stream = MemoryEventLog(Hosting()), new_stream_id()
    ids = [await events.append(ANONYMOUS, stream, text, text == "2") for text in (None, "1", "2")]

    response = await resume(events, event_id=ids[0])

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in response.headers
    expected = "".join(
        f"id: {i}\nevent: message\ndata: {n}\n\n" for i, n in zip(ids[1:], ("1", "2"), strict=True)
    )
    assert response.text == expected


async def test_a_client_that_does_not_accept_a_stream_is_refused(clock):
    response = await resume(ScriptedLog(clock, ANSWER), clock, {"accept": "application/json"})

    assert response.status_code == 406
    assert "text/event-stream" in response.json()["error"]["message"]


@pytest.mark.parametrize("event_id", ["", "x", EVENT_ID])
async def test_an_unknown_event_is_not_found(event_id):
    response = await resume(MemoryEventLog(Hosting()), event_id=event_id)

    assert response.status_code == 404
    assert "retry-after" not in response.headers


async def test_a_log_that_is_down_is_unavailable(clock):
    response = await resume(ScriptedLog(clock, EventLogUnavailable()), clock)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"


async def test_a_stream_that_has_ended_is_empty(clock):
    response = await resume(ScriptedLog(clock), clock)

    assert (response.status_code, response.content) == (200, b"")


async def test_nothing_is_sent_after_the_last_event(clock):
    response = await resume(ScriptedLog(clock, CURSOR, ANSWER, CURSOR), clock)

    assert response.content == ENCODED_CURSOR + ENCODED_ANSWER


async def test_a_heartbeat_is_sent_in_every_interval_without_an_event(clock):
    interval = HEARTBEAT_INTERVAL_S
    steps = [0, interval - 1, interval, 2 * interval - 1, 2 * interval, CURSOR]
    # After an event the interval starts again.
    steps += [3 * interval - 1, 3 * interval, ANSWER]

    response = await resume(ScriptedLog(clock, *steps), clock)

    assert response.content == 2 * HEARTBEAT + ENCODED_CURSOR + HEARTBEAT + ENCODED_ANSWER


async def test_a_stream_without_events_is_closed_after_the_idle_timeout(clock):
    steps = [CURSOR, IDLE_TIMEOUT_S - 1, CURSOR, IDLE_TIMEOUT_S, 2 * IDLE_TIMEOUT_S - 1, ANSWER]

    response = await resume(ScriptedLog(clock, *steps), clock)

    assert ENCODED_ANSWER not in response.content
    assert response.content.count(ENCODED_CURSOR) == 2


@pytest.mark.parametrize("error", [EventLogUnavailable(), UnknownEvent()])
async def test_a_log_that_fails_later_ends_the_stream_with_a_warning(clock, caplog, error):
    response = await resume(ScriptedLog(clock, CURSOR, error), clock)

    assert (response.status_code, response.content) == (200, ENCODED_CURSOR)
    assert caplog.messages == [f"a resumed stream ended early: {type(error).__name__}"]


async def test_streams_are_closed_when_the_service_stops():
    events = MemoryEventLog(Hosting())
    app = StreamResumption(events)
    first = await events.append(ANONYMOUS, new_stream_id(), None, False)

    async with asyncio.timeout(TIMEOUT_S), client_of(app) as client:
        headers = {**STREAM, "last-event-id": first}
        request = asyncio.create_task(client.get("/mcp", headers=headers))
        await asyncio.sleep(0)
        app.close_streams()
        response = await request

    assert (response.status_code, response.content) == (200, b"")


async def test_nothing_is_read_or_sent_after_the_client_disconnected():
    sent, produced = [], []

    async def chunks():
        for chunk in (b"1", b"2", b"3"):
            produced.append(chunk)
            yield chunk
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    messages = [{"type": "http.disconnect"}, {"type": "http.request"}]

    async def receive():
        return messages.pop()

    async def send(message):
        sent.append(message)

    await EventStream(chunks())({"type": "http"}, receive, send)

    assert messages == []
    assert len(produced) < 3
    assert [message.get("body") for message in sent] in ([None], [None, b"1"])
