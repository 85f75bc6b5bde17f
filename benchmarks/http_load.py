"""A minimal HTTP client: many connections, one request at a time on each, one thread.

It implements only the part of HTTP/1.1 that these answers need: the head, and where an answer ends.
Linux only (epoll).
"""

import http.client
import re
import select
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

from messages import INITIALIZE, INITIALIZED, Message, Numbered, check

READ_BYTES = 1 << 20
ANSWER_TIMEOUT_S = 60
MAX_REOPENED = 10
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class HttpLoad(NamedTuple):
    """The result of many requests: seconds of each, seconds of all, bytes of one answer."""

    each_s: list[float]
    all_s: float
    answer_bytes: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.each_s) / self.all_s


class Connection:
    """A persistent connection, and the answer that is being read from it."""

    def __init__(self, port: int, request: Numbered, epoll: select.epoll) -> None:
        self._port = port
        self._request = request
        self._epoll = epoll
        self._reopened = 0
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), ANSWER_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = self._socket.fileno()
        self._epoll.register(self.number, select.EPOLLIN)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self) -> None:
        """Send the next request."""
        self.sent = time.perf_counter()
        self._parts: list[bytes] = []
        self._size = 0
        self._end: int | None = None
        self._tail = b""
        self._socket.sendall(self._request.next())

    def receive(self) -> bytes:
        """Read what has arrived; returns the answer when it is complete, else empty bytes."""
        data = self._read()
        if not data:
            self._send_again()
            return b""
        self._parts.append(data)
        self._size += len(data)
        self._tail = (self._tail + data[-len(LAST_CHUNK) :])[-len(LAST_CHUNK) :]
        if self._end is None:
            self._end = _end_of(b"".join(self._parts))
        if self._size == self._end or (self._end == 0 and self._tail == LAST_CHUNK):
            return b"".join(self._parts)
        return b""

    def _read(self) -> bytes:
        try:
            return self._socket.recv(READ_BYTES)
        except ConnectionResetError:
            return b""

    def _send_again(self) -> None:
        """Send the request on a new connection, as clients do when a persistent one was closed.

        A server that is slow to read may close a connection as idle before it reads the request.
        """
        if self._size or self._reopened == MAX_REOPENED:
            raise ConnectionError(
                f"the server closed a connection after {self._size} bytes of an answer; "
                f"it was reopened {self._reopened} times"
            )
        self._reopened += 1
        sent = self.sent
        self.close()
        self._open()
        self.send()
        self.sent = sent


def _end_of(answer: bytes) -> int | None:
    """The length of an answer in bytes; 0 if it is chunked, None if not known yet."""
    head, end, _ = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    length = LENGTH.search(head)
    return len(head) + len(end) + int(length[1]) if length else 0


def request_of(message: Message, port: int, session: str | None = None) -> Numbered:
    """A message as an HTTP request to `/mcp`, to be sent many times."""
    headers = {
        "host": f"127.0.0.1:{port}",
        "content-length": str(len(message.body)),
        **message.headers,
        **({"mcp-session-id": session} if session else {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Numbered(message, head=f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode())


def load(
    port: int, message: Message, sessions: Sequence[str | None], seconds: float, max_requests: int
) -> HttpLoad:
    """Send a message on one connection a session, for `seconds`, at most `max_requests` times."""
    connections: list[Connection] = []
    with select.epoll() as epoll:
        try:
            for session in sessions:
                request = request_of(message, port, session)
                connections.append(Connection(port, request, epoll))
            return _load(connections, epoll, message, seconds, max_requests)
        finally:
            for connection in connections:
                connection.close()


def _load(
    connections: list[Connection],
    epoll: select.epoll,
    message: Message,
    seconds: float,
    max_requests: int,
) -> HttpLoad:
    by_number = {connection.number: connection for connection in connections}
    each: list[float] = []
    answer = b""
    began = time.perf_counter()
    for connection in connections:
        connection.send()
    sent = len(connections)
    while len(each) < sent:
        ready = epoll.poll(ANSWER_TIMEOUT_S)
        if not ready:
            raise TimeoutError(f"no answer within {ANSWER_TIMEOUT_S} s")
        for number, _ in ready:
            connection = by_number[number]
            received = connection.receive()
            by_number[connection.number] = connection
            if not received:
                continue
            _check(received, message)
            answer = received
            now = time.perf_counter()
            each.append(now - connection.sent)
            if sent < max_requests and now - began < seconds:
                connection.send()
                sent += 1
            else:
                # The server may close an idle connection while others still wait.
                connection.close()
    return HttpLoad(each, time.perf_counter() - began, len(answer))


def _check(answer: bytes, message: Message) -> None:
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"{message.method} was answered {answer[:600]!r}")
    check(answer, message)


def post(port: int, message: Message, session: str | None = None) -> tuple[str | None, bytes]:
    """Send one message on a new connection; returns the id of a new session, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
    try:
        headers = {**message.headers, **({"mcp-session-id": session} if session else {})}
        connection.request("POST", "/mcp", message.body, headers)
        response = connection.getresponse()
        body = response.read()
        if response.status >= 300:
            raise ValueError(f"{message.method} was answered {response.status} {body[:600]!r}")
        check(body, message)
        return response.headers.get("mcp-session-id"), body
    finally:
        connection.close()


def open_sessions(port: int, count: int) -> list[str | None]:
    """Open sessions; each is None if the server has no sessions."""
    sessions = []
    for _ in range(count):
        session, _body = post(port, INITIALIZE)
        post(port, INITIALIZED, session)
        sessions.append(session)
    return sessions
