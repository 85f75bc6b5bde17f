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
    """A whole answer. The body is sent as JSON, or as it is if it is bytes."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0


Failure = Literal["silence", "close", "cut", "reset", "drip"]
"""Never answer; hang up before answering; hang up within the body; reset the connection; send
the body byte by byte, for as long as somebody reads."""

Behaviour = Answer | Failure


class FakePortkey:
    """A threaded HTTP server on a free port of 127.0.0.1, for sync and async tests alike."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.abandoned = 0
        """How many requests met silence, and were given up by the client."""
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
        """What PORTKEY_BASE_URL says to come here."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def settings(self) -> dict[str, str]:
        """The variables that bring a server here; the key is its own affair."""
        allowed = ("PORTKEY_ALLOW_PRIVATE_BASE_URL", "PORTKEY_ALLOW_INSECURE_HTTP")
        return {"PORTKEY_BASE_URL": self.url, **dict.fromkeys(allowed, "true")}

    def script(self, behaviours: Sequence[Behaviour]) -> None:
        """Say how the next requests are answered, and forget those that came before."""
        with self._changed:
            self._script = list(behaviours)
            self.requests.clear()
            self.abandoned = 0

    def wait_for(self, requests: int = 1, *, abandoned: int = 0, within_s: float = 10) -> None:
        """Wait until so many requests have come, and so many were given up."""

        def seen() -> bool:
            return len(self.requests) >= requests and self.abandoned >= abandoned

        with self._changed:
            if not self._changed.wait_for(seen, within_s):
                raise TimeoutError(f"{len(self.requests)} requests, {self.abandoned} abandoned")

    def _next(self, request: Request) -> Behaviour:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def _give_up(self) -> None:
        with self._changed:
            self.abandoned += 1
            self._changed.notify_all()


@contextlib.contextmanager
def nobody_listening() -> Iterator[str]:
    """A base URL whose port stays taken while nobody listens there: connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, fake: FakePortkey, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake
        if tls is not None:
            # The handshake waits for the handler's thread, so that it holds nobody else up.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are written apart: each answer would wait 40 ms for an acknowledgement."""

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
        usual = {"content-type": "application/json", "content-length": str(len(body))}
        special = {name.lower(): value for name, value in answer.headers.items()}
        self.send_response(answer.status)
        for name, value in {**usual, **special}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: int(len(body) * share)])

    def _silence(self) -> None:
        # Nothing more is said on this connection: what ends the wait is its end.
        with contextlib.suppress(ConnectionError):
            self.connection.recv(1)
        if not self._fake._stopped.is_set():
            self._fake._give_up()

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
        # Not close(): the files made of this socket would keep it open.
        os.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        pass
