"""The only door to Portkey: sends one request, returns one record or raises one error."""

import json
import logging
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

import stamina
from pydantic_core import from_json

from . import __version__
from .errors import (
    ApiError,
    ConfigurationError,
    InputError,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    error_for_status,
)
from .models.base import Arguments, Record
from .network import Answer, Network
from .settings import Settings

R = TypeVar("R", bound=Record)
log = logging.getLogger(__name__)

ATTEMPTS = 4
LONGEST_WAIT_S = 20.0
"""A `Retry-After` beyond this is the caller's to wait for, not ours."""


LONGEST_TARGET = 16_000
"""Twice what common servers take (RFC 9110, 4.1, asks for 8,000 bytes)."""


class Transport(Protocol):
    """Carries one request: the seam behind which Portkey, or the emulator, stands.

    Failures are Python's own: ConnectionRefusedError when nothing was sent, TimeoutError and
    any other ConnectionError when the request may have arrived.
    """

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send `target` (path and query, already quoted) and return status, headers, body."""
        ...


class Portkey:
    """The Portkey Admin API for one API key.

    Paths are written as Portkey documents them, `"/configs/{slug}"`; the names in braces are
    filled from keyword arguments and quoted, so an id can never change the path.
    """

    def __init__(self, settings: Settings, transport: Transport | None = None) -> None:
        self._key = settings.api_key
        self._transport = transport or Network(settings)

    async def get(
        self, path: str, *, returns: type[R], params: Arguments | None = None, **ids: str
    ) -> R:
        """Read something."""
        return await self._send("GET", path, returns, ids, params=params)

    async def post(
        self, path: str, *, returns: type[R], json: Arguments | None = None, **ids: str
    ) -> R:
        """Create something, or run an action."""
        return await self._send("POST", path, returns, ids, json=json)

    async def put(self, path: str, *, returns: type[R], json: Arguments, **ids: str) -> R:
        """Change something."""
        return await self._send("PUT", path, returns, ids, json=json)

    async def delete(
        self,
        path: str,
        *,
        returns: type[R],
        params: Arguments | None = None,
        json: Arguments | None = None,
        **ids: str,
    ) -> R:
        """Delete something."""
        return await self._send("DELETE", path, returns, ids, params=params, json=json)

    async def _send(
        self,
        method: str,
        path: str,
        returns: type[R],
        ids: Mapping[str, str],
        *,
        params: Arguments | None = None,
        json: Arguments | None = None,
    ) -> R:
        request = f"{method} {path}"
        target = path.format_map({name: _segment(name, value) for name, value in ids.items()})
        if query := _query(params):
            target += f"?{query}"
        if len(target) > LONGEST_TARGET:
            raise InputError("the arguments are too long for the address of a request")
        body = None if json is None else _encode(_wire(json))
        async for attempt in stamina.retry_context(
            on=_wait_before_retry, attempts=ATTEMPTS, timeout=None
        ):
            with attempt:
                content = await self._once(request, target, body)
        return returns.read(_decode(content, request))

    async def _once(self, request: str, target: str, body: bytes | None) -> bytes:
        method = request.partition(" ")[0]
        started = time.perf_counter()
        try:
            status, headers, content = await self._transport(
                method, target, self._headers(request, body), body
            )
        except ConnectionRefusedError as error:
            raise Unreachable(str(error), request=request) from error
        except (TimeoutError, ConnectionError) as error:
            lost = Unavailable if method == "GET" else OutcomeUnknown
            raise lost(str(error), request=request) from error
        spent = (time.perf_counter() - started) * 1000
        log.debug("%s answered %d in %.0f ms", request, status, spent)
        if 200 <= status < 300:
            return content
        message, code = map(self._without_key, _said(content))
        raise _error(request, status, headers, message, code)

    def _without_key(self, said: str) -> str:
        """What an error says, without the key: a proxy may echo the headers it was sent."""
        key = "" if self._key is None else self._key.get_secret_value()
        return said.replace(key, "***") if key else said

    def _headers(self, request: str, body: bytes | None) -> dict[str, str]:
        if self._key is None:
            raise ConfigurationError(
                "PORTKEY_API_KEY is not set, so Portkey cannot be asked. Set it in this server's "
                "environment, or start with --sandbox to try the tools without a key."
            )
        headers = {
            "x-portkey-api-key": self._key.get_secret_value(),
            "accept": "application/json",
            "user-agent": f"portkey-admin-mcp/{__version__}",
        }
        return headers if body is None else {**headers, "content-type": "application/json"}


def _segment(name: str, value: str) -> str:
    # Quoting leaves dots alone, and a URL library then folds `..` into the parent path.
    if value in {"", ".", ".."}:
        raise InputError(f"{name} cannot be {value!r}")
    return quote(value, safe="", errors="replace")


def _query(params: Arguments | None) -> str:
    given = {} if params is None else _wire(params)
    return urlencode({name: _text(value) for name, value in given.items() if value is not None})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return _encode(value).decode() if isinstance(value, dict) else str(value)


def _wire(arguments: Arguments) -> dict[str, Any]:
    try:
        return arguments.wire()
    except (ValueError, RecursionError) as error:
        raise InputError("an argument is nested too deeply, or is no JSON") from error


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise InputError("an argument holds NaN, Infinity, or is nested too deeply") from error


def _decode(content: bytes, request: str) -> Any:
    if not content.strip():
        return {}
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise UnexpectedAnswer("the answer is not JSON", request=request) from error


def _wait_before_retry(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds.

    A read may be repeated whenever Portkey was unwell. A write only when it cannot have
    happened: no connection, or 429 on an idempotent verb. Portkey's PUT makes a new version
    each time, so one that may have arrived is never repeated.
    """
    if not isinstance(error, ApiError):
        return False
    verb = error.request.partition(" ")[0]
    if isinstance(error, RateLimited):
        wait = error.retry_after
        if verb == "POST" or (wait or 0) > LONGEST_WAIT_S:
            return False
        return True if wait is None else wait + random.uniform(0, 0.1)  # noqa: S311  # jitter
    if isinstance(error, Unreachable):
        return True
    if isinstance(error, Unavailable) and verb == "GET":
        return error.status in (None, 502, 503, 504)
    return False


def _error(
    request: str, status: int, headers: Mapping[str, str], message: str, code: str
) -> ApiError:
    kind = error_for_status(status, write=not request.startswith("GET"))
    return kind(
        message or "(no message)",
        request=request,
        status=status,
        code=code or None,
        retry_after=_retry_after(headers.get("retry-after")),
    )


def _said(content: bytes) -> tuple[str, str]:
    """Find message and code in any error body Portkey is known to send.

    Forms seen: `{success, data: {message, errorCode}}`, `{error: {message, code|slug}}`,
    `{error: "…"}` and bare `{message, code|errorCode}`.
    """
    try:
        body = from_json(content)
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    held = (body.get("data"), body.get("error"))
    inner = next((value for value in held if value and isinstance(value, str | dict)), body)
    if isinstance(inner, str):
        return inner, ""
    code = next((inner[k] for k in ("errorCode", "code", "slug") if inner.get(k)), "")
    return str(inner.get("message") or ""), str(code)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from either form of the header (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
