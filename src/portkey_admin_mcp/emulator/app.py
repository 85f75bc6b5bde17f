"""The emulator: one object that answers requests, in process or as an ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from . import api_keys, configs, control, users, virtual_keys, workspaces
from .control import Faults
from .kernel import ROUTES, Call, Refusal, Route, forbidden
from .seed import SEEDS
from .store import Clock, Row, Store, instant, moment, real_time

DOMAINS = (users, workspaces, configs, api_keys, virtual_keys)

Headers = Mapping[str, str]
Reply = tuple[int, dict[str, str], bytes]
Message = MutableMapping[str, Any]


class Emulator:
    """A whole organisation behind the endpoints of Portkey's Admin API."""

    def __init__(
        self, seed: str | None = "acme", clock: Clock = real_time, file: Path | None = None
    ) -> None:
        self.seed = seed
        self.faults = Faults()
        self.store = Store(clock, file)
        self.earlier: Store | None = None
        self.log: list[str] = []
        if not self.store.tables["api_keys"]:
            self.reset()

    def reset(self, seed: str | None = None) -> None:
        """Start over from a seed: the one given, or the one it was made with."""
        self.seed = seed or self.seed
        self.faults = Faults()
        self.earlier = None
        self.store.clear()
        SEEDS[self.seed or "empty"](self.store)
        self.store.save()

    def keys(self) -> dict[str, str]:
        """The seeded keys by name."""
        rows = self.store.tables["api_keys"].values()
        return {row["_seed"]: row["_secrets"][0]["value"] for row in rows if "_seed" in row}

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> Reply:
        """Answer one request. `target` is the raw path and query, still quoted."""
        path, _, query = target.partition("?")
        try:
            asked = dict(parse_qsl(query, keep_blank_values=True))
            if path.startswith("/emulator/"):
                return _reply(200, control.answer(self, f"{method} {path}", _decode(body)))
            return self._portkey(method, path, asked, headers, body)
        except Refusal as refusal:
            return _reply(refusal.status, refusal.body())

    def _portkey(
        self, method: str, path: str, query: dict[str, str], headers: Headers, body: bytes
    ) -> Reply:
        if not path.startswith("/v1/"):
            raise Refusal(404, "Not found")
        if fault := self.faults.next():
            wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            return _reply(fault.status, Refusal(fault.status, "Injected fault").body(), wait)
        self.log.append(f"{method} {path}")
        key = self._authenticate(headers)
        endpoint, ids = _match(method, path.removeprefix("/v1"))
        store = self._stale() if method == "GET" else self._writing()
        call = Call(store, key, ids, query)
        if endpoint.who == "admin" and not call.is_admin:
            raise forbidden()
        if endpoint.scope is not None:
            call.require(endpoint.scope)
        call.body = _decode(body)
        said = endpoint.handler(call)
        if method != "GET":
            store.save()
        return _reply(204, None) if said is None else _reply(200, said)

    def _authenticate(self, headers: Headers) -> Row:
        given = headers.get("x-portkey-api-key")
        now = self.store.stamp()
        for row in self.store.tables["api_keys"].values():
            usable = row["status"] == "active" and not _past(row.get("expires_at"), now)
            if usable and any(_opens(secret, given, now) for secret in row["_secrets"]):
                return row
        raise Refusal(401, "Unauthorised Request")

    def _stale(self) -> Store:
        if self.earlier is not None and self.faults.stale():
            return self.earlier
        return self.store

    def _writing(self) -> Store:
        if self.faults.stale_reads:
            self.earlier = Store(self.store.clock)
            self.earlier.ahead = self.store.ahead
            self.earlier.load(self.store.dump())
        return self.store


class InProcess:
    """The emulator as a transport: the same answers, without a socket."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    async def __call__(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Reply:
        """Answer a request; of the whole URL of another host, path and query count."""
        await asyncio.sleep(self.emulator.faults.latency_ms / 1000)
        dropped = self.emulator.faults.drops()
        if dropped == "before":
            raise ConnectionResetError("the connection broke")
        path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
        reply = self.emulator.answer(method, path, headers, body or b"")
        if dropped == "after":
            raise ConnectionResetError("the connection broke")
        return reply


def asgi(emulator: Emulator) -> Callable[..., Awaitable[None]]:
    """The emulator as an ASGI application, for any client of Portkey's API."""

    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        served = target.startswith("/v1/")
        if served:
            await asyncio.sleep(emulator.faults.latency_ms / 1000)
        dropped = emulator.faults.drops() if served else None
        status, extra, content = (
            (200, {}, b"")
            if dropped == "before"
            else emulator.answer(scope["method"], target, headers, body)
        )
        # A server may not cut a connection through ASGI; a body shorter than announced does it.
        length = len(content) + (1 if dropped else 0)
        sent = {"content-type": "application/json", "content-length": str(length), **extra}
        raw = [(k.encode(), v.encode()) for k, v in sent.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content, "more_body": bool(dropped)})

    return app


def _match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the endpoint; a literal segment wins over a placeholder."""
    asked = [unquote(segment) for segment in path.split("/")[1:]]
    fits = [r for r in ROUTES.values() if r.method == method and _fits(r.segments, asked)]
    if not fits:
        raise Refusal(404, "Not found")
    best = min(fits, key=lambda r: sum(s.startswith("{") for s in r.segments))
    pairs = zip(best.segments, asked, strict=True)
    return best, {name[1:-1]: value for name, value in pairs if name.startswith("{")}


def _fits(segments: tuple[str, ...], asked: list[str]) -> bool:
    if len(segments) != len(asked):
        return False
    return all(s.startswith("{") or s == a for s, a in zip(segments, asked, strict=True))


def _decode(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "Invalid request. Please check and try again.") from None


def _reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Reply:
    content = b"" if body is None else json.dumps(body).encode()
    return status, {"content-type": "application/json", **(headers or {})}, content


def _opens(secret: Row, given: str | None, now: str) -> bool:
    """Whether this is the secret, or still the one before it."""
    return bool(secret["value"] == given and (secret["until"] is None or now < secret["until"]))


def _past(moment_given: str | None, now: str) -> bool:
    if not moment_given:
        return False
    return moment(instant(moment_given)) <= now
