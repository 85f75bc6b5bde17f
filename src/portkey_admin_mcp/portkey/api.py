"""The only door to Portkey: sends one request, returns one record or raises one error."""

import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from .. import __version__
from ..errors import (
    ApiError,
    ConfigurationError,
    InputError,
    OutcomeUnknown,
    PortkeyAdminError,
    RateLimited,
    ReadOnly,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    error_for_status,
)
from ..models.core.base import Arguments, Record
from ..settings.settings import Settings, check_address
from .transport import Answer, Network

R = TypeVar("R", bound=Record)
log = logging.getLogger(__name__)

ATTEMPTS = 4
LONGEST_WAIT_S = 20.0
"""A `Retry-After` beyond this is the caller's to wait for, not ours."""


LONGEST_TARGET = 16_000
"""Twice what common servers take (RFC 9110, 4.1, asks for 8,000 bytes)."""


Base = Literal["v1", "root", "mcp", "prices"]
"""Where a path begins: under `/v1`, at the API's root, at the MCP gateway, at the price lists."""


class Transport(Protocol):
    """Carries one request: the seam behind which Portkey, or the emulator, stands.

    Failures are Python's own: ConnectionRefusedError when nothing was sent, TimeoutError and
    any other ConnectionError when the request may have arrived.
    """

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send to `target` and return status, headers, body.

        A target is a path with its query, already quoted, that begins with the API's version
        where it has one (`/v1/configs?…`), or the whole URL of another host of Portkey's.
        """
        ...


class Portkey:
    """The Portkey Admin API for one API key.

    Paths are written as Portkey documents them, `"/configs/{slug}"`; the names in braces are
    filled from `ids` and quoted, so an id can never change the path.
    """

    def __init__(self, settings: Settings, transport: Transport | None = None) -> None:
        self._settings = settings
        self._key = settings.api_key
        self._transport = transport or Network(settings)

    async def send(
        self,
        method: str,
        path: str,
        *,
        returns: type[R],
        ids: Mapping[str, str] | None = None,
        query: Sequence[Arguments] | None = None,
        body: Sequence[Arguments] | None = None,
        base: Base = "v1",
        needs_key: bool = True,
        is_read: bool | None = None,
    ) -> R:
        """Send one request, repeat it where that is safe, and read the answer as `returns`.

        Several groups of arguments are sent side by side; `body=None` sends no body. `is_read`
        says that the request changes nothing although its verb does not. Raises one of the
        errors in `errors`.
        """
        request = f"{method} {path}"
        segments = {name: _segment(name, value) for name, value in (ids or {}).items()}
        target = self._address(base) + path.format_map(segments)
        if given := _query(query or ()):
            target += f"?{given}"
        if len(target) > LONGEST_TARGET:
            raise InputError("the arguments are too long for the address of a request")
        content = None if body is None else _encode(_wire(body))
        safe = method == "GET" if is_read is None else is_read
        if self._settings.read_only and not safe:
            raise ReadOnly(f"PORTKEY_READ_ONLY is set, so {request} is not sent")
        send = _Sending(request, target, content, safe, needs_key)
        return returns.read(_decode(await self._repeat(send), request))

    async def download(self, url: str, most_bytes: int) -> bytes:
        """Read the beginning of a file that Portkey gave a signed link to; the key is not sent.

        Raises InputError for a link that must not be followed, and the errors of a read.
        """
        try:
            check_address(
                "the link",
                url,
                self._settings.allow_private_base_url or self._settings.sandbox,
                self._settings.allow_insecure_http,
            )
        except ValueError as error:
            raise InputError(f"the file cannot be read here: {error}") from None
        wanted = {"range": f"bytes=0-{most_bytes - 1}"}
        send = _Sending("GET (signed link)", url, None, True, False, wanted)
        return (await self._repeat(send))[:most_bytes]

    def _address(self, base: Base) -> str:
        """What comes before a path: nothing secret is sent to a host that was not configured."""
        if base in ("v1", "root"):
            return "/v1" if base == "v1" else ""
        name = "PORTKEY_MCP_BASE_URL" if base == "mcp" else "PORTKEY_PRICES_URL"
        address = self._settings.mcp_address if base == "mcp" else self._settings.prices_address
        if address is None:
            raise ConfigurationError(
                f"{name} is not set, and PORTKEY_BASE_URL is not Portkey's own, so there is no "
                "telling where this is. Set it in this server's environment."
            )
        return address

    async def _repeat(self, send: "_Sending") -> bytes:
        try:
            return await self._send_once(send)
        except PortkeyAdminError as error:
            return await self._repeat_after(error, send)

    async def _repeat_after(self, error: PortkeyAdminError, send: "_Sending") -> bytes:
        """Try again where that is safe; the first attempt, which failed with `error`, counts."""
        import stamina  # only now: most requests are not repeated

        failed, content = [error], b""
        async for attempt in stamina.retry_context(
            on=lambda error: _wait_before_retry(error, send), attempts=ATTEMPTS, timeout=None
        ):
            with attempt:
                if failed:
                    raise failed.pop()
                content = await self._send_once(send)
        return content

    async def _send_once(self, send: "_Sending") -> bytes:
        started = time.perf_counter()
        try:
            status, headers, content = await self._transport(
                send.method, send.target, self._headers(send), send.body
            )
        except ConnectionRefusedError as error:
            raise Unreachable(str(error), request=send.request) from error
        except (TimeoutError, ConnectionError) as error:
            lost = Unavailable if send.is_read else OutcomeUnknown
            raise lost(str(error), request=send.request) from error
        spent = (time.perf_counter() - started) * 1000
        log.debug("%s answered %d in %.0f ms", send.request, status, spent)
        if 200 <= status < 300:
            return content
        message, code = map(self._without_key, _message_and_code(content))
        raise _error(send, status, headers, message, code)

    def _without_key(self, text: str) -> str:
        """The text without the key: a proxy may echo the headers it was sent."""
        key = "" if self._key is None else self._key.get_secret_value()
        return text.replace(key, "***") if key else text

    def _headers(self, send: "_Sending") -> dict[str, str]:
        headers = {
            "accept": "application/json",
            "user-agent": f"portkey-admin-mcp/{__version__}",
            **(send.headers or {}),
        }
        if send.needs_key:
            headers["x-portkey-api-key"] = self._secret()
        return headers if send.body is None else {**headers, "content-type": "application/json"}

    def _secret(self) -> str:
        if self._key is None:
            raise ConfigurationError(
                "PORTKEY_API_KEY is not set, so Portkey cannot be asked. Set it in this server's "
                "environment, or start with --sandbox to try the tools without a key."
            )
        return self._key.get_secret_value()


@dataclass(frozen=True)
class _Sending:
    """A request, ready to be sent; `is_read` where it changes nothing."""

    request: str
    target: str
    body: bytes | None
    is_read: bool
    needs_key: bool
    headers: Mapping[str, str] | None = None

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]


def _segment(name: str, value: str) -> str:
    # Quoting leaves dots alone, and a URL library then folds `..` into the parent path.
    if value in {"", ".", ".."}:
        raise InputError(f"{name} cannot be {value!r}")
    return quote(value, safe="", errors="replace")


def _query(groups: Sequence[Arguments]) -> str:
    given = _wire(groups)
    return urlencode({name: _text(value) for name, value in given.items() if value is not None})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return _encode(value).decode() if isinstance(value, dict) else str(value)


def _wire(groups: Sequence[Arguments]) -> dict[str, Any]:
    try:
        return {name: value for group in groups for name, value in group.wire().items()}
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


def _wait_before_retry(error: Exception, send: _Sending) -> bool | float:
    """Whether to try again, or after how many seconds.

    A read may be repeated whenever Portkey was unwell. A write only when it cannot have
    happened: no connection, or 429 on an idempotent verb. Portkey's PUT makes a new version
    each time, so one that may have arrived is never repeated.
    """
    if isinstance(error, RateLimited):
        wait = error.retry_after
        if (send.method == "POST" and not send.is_read) or (wait or 0) > LONGEST_WAIT_S:
            return False
        return True if wait is None else wait + random.uniform(0, 0.1)  # noqa: S311  # jitter
    if isinstance(error, Unreachable):
        return True
    if isinstance(error, Unavailable) and send.is_read:
        return error.status in (None, 502, 503, 504)
    return False


def _error(
    send: _Sending, status: int, headers: Mapping[str, str], message: str, code: str
) -> ApiError:
    kind = error_for_status(status, write=not send.is_read)
    return kind(
        message or "(no message)",
        request=send.request,
        status=status,
        code=code or None,
        retry_after=_retry_after(headers.get("retry-after")),
    )


def _message_and_code(content: bytes) -> tuple[str, str]:
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
