"""The emulator: an object that answers requests, in process or as an ASGI application."""

import asyncio
import json
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from .. import domain_modules
from . import control
from .answers import Refusal, Reply, invalid
from .faults import Fault, Faults, Injected
from .recorded import RecordedRequest, RequestLog, masked_key
from .routing import Call, Route, match
from .rows import Row
from .seed_file import SeedError
from .store import Clock, Store, instant, moment, real_time, stopped_at

log = logging.getLogger(__name__)

domain_modules()  # importing them declares their routes

from ..audit_logs import path_of, record_write  # noqa: E402  # after the domains
from ..shared.security import check_person  # noqa: E402  # after the domains
from . import start_controls  # noqa: E402, F401  # after the domains; adds its controls
from .seed import Start, check_objects  # noqa: E402  # after the domains
from .seed_objects import Created, create_objects  # noqa: E402  # after the domains

Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]
Message = MutableMapping[str, Any]
MAX_LOGGED = 1_000
KEY_HEADER = "x-portkey-api-key"
HEALTH = "/health"
NO_KEY: Row = {"type": "", "scopes": (), "workspace_id": None, "organisation_id": ""}
"""Stands for the key of a request that needs no key."""


def is_control(path: str) -> bool:
    """Whether a path belongs to the control API, and is not one of Portkey's."""
    return path.startswith("/emulator/") or path == HEALTH


class Emulator:
    """An organisation behind the endpoints of Portkey's Admin API.

    `file` keeps its data across restarts. `start` fills a new organisation: the name of a seed,
    or a `Start`. `recorded` is how many of the latest requests are recorded in `requests`.

    Requests may come from several threads: they are answered one after another.
    """

    def __init__(
        self,
        start: str | Start | None = "acme",
        clock: Clock = real_time,
        file: Path | None = None,
        recorded: int = 0,
    ) -> None:
        self.start = _start_of(start or "empty")
        self.faults = Faults()
        self.store = Store(clock, file)
        self.lock = threading.RLock()
        """Held while a request is answered."""
        self.log: deque[str] = deque(maxlen=MAX_LOGGED)
        """The latest requests, each as method and path."""
        self.requests = RequestLog(recorded)
        self._clock = clock
        if not len(self.store.table("api_keys")):
            self.reset()

    def reset(self, start: str | Start | None = None, now: datetime | None = None) -> None:
        """Start over from a seed, by default the one of the last start, without any fault.

        The clock stops at `now`; without it, it is the clock that the emulator started with. If
        the state file cannot be written (sqlite3.Error), everything stays as it was.
        """
        with self.lock:
            start = self.start if start is None else _start_of(start)
            clock = self._clock if now is None else stopped_at(now)
            self.store.start_over(start.state(clock().replace(microsecond=0)))
            self.store.clock = clock
            self.start = start
            self.faults = Faults()
            self.requests.clear()

    def keys(self) -> dict[str, str]:
        """The secrets of the seeded keys, by name."""
        rows = self.store.table("api_keys").rows()
        return {row["_seed"]: row["_secrets"][0]["value"] for row in rows if "_seed" in row}

    def create_objects(self, content: Any) -> Created:
        """Create the objects of a decoded seed file, all or none; see `seed_objects.py`.

        Raises Refusal (400), which names the place in the content and the cure.
        """
        try:
            document = check_objects(content)
            with self.lock, self.store.transaction():
                return create_objects(self.store, document, _record_seeded_now)
        except SeedError as error:
            raise Refusal(400, str(error)) from None

    def set_time(self, now: datetime) -> None:
        """Stop the clock at a time that has not passed. Raises Refusal (400) for another one."""
        with self.lock:
            if now < self.store.now():
                raise Refusal(
                    400,
                    f"now: {moment(now)} is before {self.store.stamp()}, the emulated time; to go "
                    "back, start over at a time: POST /emulator/reset with now",
                )
            self.store.stop_clock(now)

    def take_faults(self, method: str, target: str) -> Injected:
        """The faults of the next request, to give to `answer`; counts them."""
        path = target.partition("?")[0]
        if is_control(path):
            return Injected()
        with self.lock:
            return self.faults.take(method, path)

    def answer(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes,
        injected: Injected | None = None,
    ) -> Answer:
        """Answer one request with (status, headers, body).

        `target` is path and query, still quoted. `injected` are the faults of `take_faults`, whose
        delay has passed; without it they are taken here, and nobody waits. If the connection is to
        be closed before the request takes effect, the answer is empty.
        """
        if injected is None:
            injected = self.take_faults(method, target)
        with self.lock:
            return self._answer(method, target, headers, body, injected)

    def _answer(
        self, method: str, target: str, headers: Headers, body: bytes, injected: Injected
    ) -> Answer:
        path, _, query = target.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        if is_control(path):
            return _answered(
                lambda: _answer_of(control.answer(self, method, path, parameters, _decode(body))),
                method,
                path,
            )
        if injected.drop == "before":
            answer: Answer = (0, {}, b"")
        elif injected.fault is not None and injected.fault.status is not None:
            answer = _injected_answer(injected.fault, injected.fault.status)
        else:
            answer = _answered(
                lambda: self._portkey(method, path, parameters, headers, body), method, path
            )
        if self.requests.limit:
            self._record(method, path, parameters, headers, body, answer[0] or None)
        return answer

    def _record(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Headers,
        body: bytes,
        status: int | None,
    ) -> None:
        value = headers.get(KEY_HEADER, "")
        secret = self.store.table("_secrets").get(value)
        key = secret and self.store.table("api_keys").get(secret["key_id"])
        try:
            route = match(method, _segments(path))[0].endpoint
        except Refusal:
            route = None
        name = None if key is None else key.get("_seed", key["name"])
        self.requests.add(
            RecordedRequest(method, path, query, body, masked_key(value), name, route, status)
        )

    def _portkey(
        self, method: str, path: str, query: dict[str, str], headers: Headers, body: bytes
    ) -> Answer:
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
            return match(method, _segments(path))
        except Refusal:
            self._authenticate(headers)
            raise

    def _authenticate(self, headers: Headers) -> Row:
        value = headers.get(KEY_HEADER)
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
        path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
        injected = self.emulator.take_faults(method, path)
        await asyncio.sleep(injected.delay_s)
        answer = self.emulator.answer(method, path, headers, body or b"", injected)
        if injected.drop is not None:
            raise ConnectionResetError("connection closed by an injected fault")
        return answer


def _start_of(seed: str | Start) -> Start:
    """A start, given as such or by the name of a seed."""
    return seed if isinstance(seed, Start) else Start(seed)


def _record_seeded_now(call: Call, endpoint: Route) -> None:
    record_write(call, endpoint, path_of(call, endpoint))


def _segments(path: str) -> list[str]:
    return [unquote(segment) for segment in path.split("/")[1:]]


def _answered(handler: Callable[[], Answer], method: str, path: str) -> Answer:
    """What a handler answers, also if it raises an exception."""
    try:
        return handler()
    except Refusal as refusal:
        return _answer(refusal.status, refusal.body())
    except Exception as error:  # an error in the emulator is an answer too
        log.exception("%s %s", method, path)
        return _answer(500, Refusal(500, _failure(error)).body())


def _injected_answer(fault: Fault, status: int) -> Answer:
    header = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    body = Refusal(status, fault.message).body() if fault.body is None else fault.body
    return _answer(status, body, header)


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
