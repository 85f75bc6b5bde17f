"""The emulator: an object that answers requests, in process or as an ASGI application."""

import asyncio
import json
import logging
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from .. import domain_modules
from . import control
from .answers import Refusal, Reply, invalid
from .control import Faults
from .routing import Call, Route, match
from .rows import Row
from .store import Clock, Store, instant, moment, real_time

log = logging.getLogger(__name__)

domain_modules()  # importing them declares their routes

from ..audit_logs import record_write  # noqa: E402  # after the domains
from ..shared.security import check_person  # noqa: E402  # after the domains
from .seed import seeded_state  # noqa: E402  # after the domains

Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]
Message = MutableMapping[str, Any]
MAX_LOGGED = 1_000
NO_KEY: Row = {"type": "", "scopes": (), "workspace_id": None, "organisation_id": ""}
"""Stands for the key of a request that needs no key."""


class Emulator:
    """An organisation behind the endpoints of Portkey's Admin API.

    `file` keeps its data across restarts. `seed` fills a new organisation: "acme" or "empty".
    """

    def __init__(
        self, seed: str | None = "acme", clock: Clock = real_time, file: Path | None = None
    ) -> None:
        self.seed = seed
        self.faults = Faults()
        self.store = Store(clock, file)
        self.log: deque[str] = deque(maxlen=MAX_LOGGED)
        """The latest requests, each as method and path."""
        if not len(self.store.table("api_keys")):
            self.reset()

    def reset(self, seed: str | None = None) -> None:
        """Start over from a seed, by default the one of the last start.

        If the state file cannot be written (sqlite3.Error), everything stays as it was.
        """
        seed = seed or self.seed
        now = self.store.clock().replace(microsecond=0)
        self.store.start_over(seeded_state(seed or "empty", now))
        self.seed = seed
        self.faults = Faults()

    def keys(self) -> dict[str, str]:
        """The secrets of the seeded keys, by name."""
        rows = self.store.table("api_keys").rows()
        return {row["_seed"]: row["_secrets"][0]["value"] for row in rows if "_seed" in row}

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Answer one request with (status, headers, body).

        `target` is path and query, still quoted.
        """
        path, _, query = target.partition("?")
        try:
            parameters = dict(parse_qsl(query, keep_blank_values=True))
            if path.startswith("/emulator/"):
                return _answer_of(control.answer(self, method, path, parameters, _decode(body)))
            return self._portkey(method, path, parameters, headers, body)
        except Refusal as refusal:
            return _answer(refusal.status, refusal.body())
        except Exception as error:  # an error in the emulator is an answer too
            log.exception("%s %s", method, path)
            return _answer(500, Refusal(500, _failure(error)).body())

    def _portkey(
        self, method: str, path: str, query: dict[str, str], headers: Headers, body: bytes
    ) -> Answer:
        if fault := self.faults.next():
            header = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            return _answer(fault.status, Refusal(fault.status, "Injected fault").body(), header)
        self.log.append(f"{method} {path}")
        route, ids = self._route(method, path, headers)
        key = NO_KEY if route.who == "anyone" else self._authenticate(headers)
        call = Call(self.store, key, ids, query, host=headers.get("host", ""))
        if route.who != "anyone":
            call.check_permissions(route)
            check_person(call, route)
        call.body = _decode(body)
        if route.who != "anyone":
            call.check_workspace()
        if method != "GET":
            with self.store.transaction():
                answer = _answer_of(route.handler(call))
                record_write(call, route, path)
                return answer
        if self.faults.stale():
            with self.store.before_last_write():
                return _answer_of(route.handler(call))
        return _answer_of(route.handler(call))

    def _route(self, method: str, path: str, headers: Headers) -> tuple[Route, dict[str, str]]:
        """The route of a path; without a valid key, also an unknown path is answered with 401."""
        try:
            return match(method, [unquote(segment) for segment in path.split("/")[1:]])
        except Refusal:
            self._authenticate(headers)
            raise

    def _authenticate(self, headers: Headers) -> Row:
        value = headers.get("x-portkey-api-key")
        now = self.store.stamp()
        secret = self.store.table("_secrets").get(value)
        row = secret and self.store.table("api_keys").get(secret["key_id"])
        # The key of a used up budget still works: only requests to models are refused (412).
        works = row and row["status"] in ("active", "exhausted")
        if not row or not works or _is_past(row.get("expires_at"), now):
            raise Refusal(401, "Unauthorised Request")
        if not any(_is_valid(each, value, now) for each in row["_secrets"]):
            raise Refusal(401, "Unauthorised Request")
        return row


class InProcess:
    """The emulator as a transport of the client: the same answers, without a socket."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    async def __call__(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Answer:
        """Answer a request. Of an absolute URL, only path and query are used."""
        await asyncio.sleep(self.emulator.faults.latency_ms / 1000)
        dropped = self.emulator.faults.drops()
        if dropped == "before":
            raise ConnectionResetError("connection closed by an injected fault")
        path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
        answer = self.emulator.answer(method, path, headers, body or b"")
        if dropped == "after":
            raise ConnectionResetError("connection closed by an injected fault")
        return answer


def asgi(emulator: Emulator) -> Callable[..., Awaitable[None]]:
    """The emulator as an ASGI application, for any client of Portkey's API."""

    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, has_more = b"", True
        while has_more:
            message = await receive()
            body, has_more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        has_faults = not target.startswith("/emulator/")
        if has_faults:
            await asyncio.sleep(emulator.faults.latency_ms / 1000)
        dropped = emulator.faults.drops() if has_faults else None
        status, extra, content = (
            (200, {}, b"")
            if dropped == "before"
            else emulator.answer(scope["method"], target, headers, body)
        )
        # ASGI cannot close a connection. A body shorter than announced makes the server do it.
        length = len(content) + (1 if dropped else 0)
        fields = {"content-type": "application/json", "content-length": str(length), **extra}
        raw = [(k.encode(), v.encode()) for k, v in fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content, "more_body": bool(dropped)})

    return app


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError("not a number of JSON")
    return value


def _decode(body: bytes) -> Any:
    if not body:
        return {}
    try:
        decoded = json.loads(body, parse_constant=_finite, parse_float=_finite)
        json.dumps(decoded, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is no character: neither SQLite nor UTF-8 can store it.
        raise invalid("body", "must not contain half of a surrogate pair") from None
    except (ValueError, RecursionError):
        raise Refusal(400, "Invalid request. Please check and try again.") from None
    return decoded


def _answer_of(result: Any) -> Answer:
    if isinstance(result, Reply):
        return result.status, {"content-type": result.content_type}, result.content
    return _answer(204, None) if result is None else _answer(200, result)


def _answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    return status, {"content-type": "application/json", **(headers or {})}, content


def _is_valid(secret: Row, value: str | None, now: str) -> bool:
    """Whether the value is this secret of a key, and the secret has not ended with a rotation."""
    return bool(secret["value"] == value and (secret["until"] is None or now < secret["until"]))


def _failure(error: Exception) -> str:
    """What an answer says of an error in the emulator: the reason if it is the state file."""
    name = error.sqlite_errorname if isinstance(error, sqlite3.OperationalError) else ""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")):
        return f"The state file cannot be written, and nothing was changed: {error}"
    return "Internal server error"


def _is_past(time: str | None, now: str) -> bool:
    return bool(time) and moment(instant(str(time))) <= now
