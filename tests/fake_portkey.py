"""A fake Portkey on loopback with scripted answers and failures, which records its requests.

    with FakePortkey() as fake:
        fake.script([Answer(503), Answer(body={"total": 0}), "reset"])

Each request takes the next behaviour of the script; the last one serves all that follow.
"""

import contextlib
import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Literal, NamedTuple, Self


class Request(NamedTuple):
    """A request as it arrived; the names of headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """A complete answer. Bytes are sent unchanged; any other body is sent as JSON."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0


Failure = Literal["silence", "close", "cut", "reset", "drip"]
"""Never answer; close before answering; close within the body; reset the connection; send the
body byte by byte, for as long as the client reads."""

Behaviour = Answer | Failure


class FakePortkey:
    """A threaded HTTP server on a free port of 127.0.0.1, for sync and async tests alike."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.abandoned = 0
        """How many requests got no answer (`silence`) until the client closed the connection."""
        self._script: list[Behaviour] = [Answer()]
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._scheme = "https" if tls else "http"
        self._server = _Server(self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        with self._changed:
            self._stopped.set()
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    @property
    def url(self) -> str:
        """The value of PORTKEY_BASE_URL for this server."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that point a server here; the key is not among them."""
        allowed = ("PORTKEY_ALLOW_PRIVATE_BASE_URL", "PORTKEY_ALLOW_INSECURE_HTTP")
        return {"PORTKEY_BASE_URL": self.url, **dict.fromkeys(allowed, "true")}

    def script(self, behaviours: Sequence[Behaviour]) -> None:
        """Set how the next requests are answered, and forget the earlier requests."""
        with self._changed:
            self._script = list(behaviours)
            self.requests.clear()
            self.abandoned = 0

    def wait_for(self, requests: int = 1, *, abandoned: int = 0, within_s: float = 10) -> None:
        """Wait until this many requests have arrived, and this many were abandoned.

        Raises TimeoutError after `within_s` seconds.
        """

        def is_reached() -> bool:
            return len(self.requests) >= requests and self.abandoned >= abandoned

        with self._changed:
            if not self._changed.wait_for(is_reached, within_s):
                raise TimeoutError(f"{len(self.requests)} requests, {self.abandoned} abandoned")

    def _next(self, request: Request) -> Behaviour:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def _count_abandoned(self) -> None:
        with self._changed:
            self.abandoned += 1
            self._changed.notify_all()


@contextlib.contextmanager
def nobody_listening() -> Iterator[str]:
    """A base URL that refuses connections: its port is bound, but nothing listens on it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, fake: FakePortkey, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake
        if tls is not None:
            # The handshake waits for the handler's thread, so that it delays no other connection.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Headers and body are separate writes: Nagle's algorithm would hold each body back until an
    acknowledgement arrives, 40 ms later."""

    def setup(self) -> None:
        super().setup()
        self._fake = self.server.fake

    def handle(self) -> None:
        with self._fake._changed:
            self._fake._open.add(self.connection)
            if self._fake._stopped.is_set():
                return
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            super().handle()
        with self._fake._changed:
            self._fake._open.discard(self.connection)

    def _respond(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        behaviour = self._fake._next(Request(self.command, self.path, headers, body))
        if isinstance(behaviour, Answer):
            self._answer(behaviour)
        else:
            self.close_connection = True
            getattr(self, f"_{behaviour}")()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = _respond

    def _answer(self, answer: Answer, *, share: float = 1) -> None:
        self._fake._stopped.wait(answer.after_s)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        defaults = {"content-type": "application/json", "content-length": str(len(body))}
        defaults["date"] = self.date_time_string()
        overrides = {name.lower(): value for name, value in answer.headers.items()}
        self.send_response_only(answer.status)
        for name, value in {**defaults, **overrides}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: int(len(body) * share)])

    def _silence(self) -> None:
        # The client sends nothing more, so recv returns when the connection is closed.
        with contextlib.suppress(ConnectionError):
            self.connection.recv(1)
        if not self._fake._stopped.is_set():
            self._fake._count_abandoned()

    def _close(self) -> None:
        pass

    def _cut(self) -> None:
        self._answer(Answer(body={"total": 0, "data": []}), share=0.5)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000000")
        self.end_headers()
        while not self._fake._stopped.wait(0.02):
            self.wfile.write(b" ")

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self._fake._changed:
            self._fake._open.discard(self.connection)
        # close() is not enough: rfile and wfile would keep the socket open.
        os.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        pass
