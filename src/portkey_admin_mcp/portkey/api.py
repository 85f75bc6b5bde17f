"""The client of Portkey: it sends one request, and returns one record or raises one error."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import SecretStr

from .. import __version__
from ..errors import (
    ConfigurationError,
    InputError,
    OutcomeUnknown,
    PortkeyAdminError,
    ReadOnly,
    Rejected,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    error_for_status,
)
from ..models.core.base import Arguments, Record
from ..settings.addresses import check_address
from ..settings.settings import Settings
from .encoding import decoded_answer, encoded_body, merged_fields, path_segment, query_string
from .gate import Change, Gate, open_gate
from .http.answer import UnusableAnswer
from .json_text import message_and_code
from .large_answers import LargeAnswers
from .redaction import forms_of
from .retries import MAX_RETRY_S, attempts_of, retry_after, wait_before_retry
from .transport import Network, Transport

R = TypeVar("R", bound=Record)
T = TypeVar("T")
log = logging.getLogger(__name__)

USER_AGENT = f"portkey-admin-mcp/{__version__}"
MAX_TARGET_LENGTH = 16_000
"""Twice what common servers accept (RFC 9110, 4.1, asks for 8,000 bytes)."""

Base = Literal["v1", "root", "mcp", "prices"]
"""What a path is relative to: `/v1`, the API's root, the MCP gateway, or the price lists."""


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Portkey:
    """The Portkey Admin API for one API key.

    Paths are written as Portkey documents them, `"/configs/{slug}"`; the names in braces are
    filled from `ids` and quoted, so an id can never change the path. `clock` returns
    the time in UTC. Each request that changes something passes the `gate`.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = utc_now,
        gate: Gate = open_gate,
    ) -> None:
        self._settings = settings
        self._key = settings.api_key
        self._transport = transport or Network(settings)
        self._clock = clock
        self.large_answers = LargeAnswers()
        self._gate, self.dashboard_address = gate, settings.dashboard_address

    def with_gate(self, gate: Gate) -> "Portkey":
        """The same client with another gate for changes."""
        other = copy(self)
        other._gate = gate
        return other

    def with_key(self, key: SecretStr) -> "Portkey":
        """The same client with another key, and with connections of its own."""
        other = copy(self)
        other._key = key
        if isinstance(self._transport, Network):
            other._transport = self._transport.with_own_connections()
        return other

    def retire(self) -> None:
        """Close the connections as soon as they are unused; requests still work."""
        if isinstance(self._transport, Network):
            self._transport.retire()

    def with_transport(self, wrap: Callable[[Transport], Transport]) -> "Portkey":
        """The same client with its transport inside another, which may refuse requests."""
        other = copy(self)
        other._transport = wrap(self._transport)
        return other

    def is_own_key(self, masked: str) -> bool:
        """Whether the key of this client has the same beginning and end as a masked key."""
        secret = "" if self._key is None else self._key.get_secret_value()
        first, stars, rest = masked.partition("*")
        last = rest.lstrip("*")
        is_masked = bool(stars and first and last)
        return is_masked and secret.startswith(first) and secret.endswith(last)

    def now(self) -> datetime:
        """The time now, in UTC."""
        return self._clock()

    @property
    def account(self) -> str:
        """A fingerprint of the API's address and the key, which reveals neither."""
        key = self._key.get_secret_value() if self._key else ""
        return hashlib.sha256(f"{self._settings.base_url} {key}".encode()).hexdigest()

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
        module: str = "",
    ) -> R:
        """Send one request, repeat it if that is safe, and read the answer as `returns`.

        The fields of several groups of arguments are sent in one object; `body=None` sends no
        body. `is_read=True` means that the request changes nothing, whatever its verb; any other
        passes the gate. `module` declares the endpoint. Raises one of the errors in `errors`.
        """
        request = f"{method} {path}"
        query_fields = merged_fields(query or ())
        target = self._target(base, path, ids or {}, query_fields)
        fields = None if body is None else merged_fields(body)
        content = None if fields is None else encoded_body(fields)
        changes_nothing = method == "GET" if is_read is None else is_read
        prepared = _Request(request, target, content, changes_nothing, needs_key)
        if changes_nothing:
            return await self._read(prepared, partial(_record, returns))
        if self._settings.read_only:
            raise ReadOnly(f"PORTKEY_READ_ONLY is set, so {request} is not sent")
        change = Change(method, path, ids or {}, query_fields, fields, module)
        answer = await self._gate(self, change, lambda: self._send(prepared))
        return await self.large_answers.decode(answer, _record, returns, answer, request)

    async def read(
        self, path: str, ids: Mapping[str, str], query: Mapping[str, Any], base: Base = "v1"
    ) -> Any:
        """The decoded answer to `GET path`; raises one of the errors in `errors`."""
        request = f"GET {path}"
        target = self._target(base, path, ids, query)
        return await self._read(_Request(request, target, None, True, True), decoded_answer)

    async def _read(self, request: "_Request", decode: Callable[[bytes, str], T]) -> T:
        """Send a request that changes nothing, and decode its answer; large ones in turn."""
        with self.large_answers.read_turn():
            answer = await self._send(request)
            return await self.large_answers.decode(answer, decode, answer, request.name)

    async def download(self, url: str, max_bytes: int) -> bytes:
        """Read the beginning of a file by a signed link of Portkey's; the key is not sent.

        A file that is stored compressed is decompressed. Raises InputError for a link that must
        not be followed, and the errors of a read.
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
        headers = {"range": f"bytes=0-{max_bytes - 1}", "accept-encoding": "identity"}
        prepared = _Request("GET (signed link)", url, None, True, False, headers)
        try:
            with self.large_answers.read_turn():
                return (await self._send(prepared))[:max_bytes]
        except Rejected as error:
            if error.status == 416:  # no byte of an empty file is in any range
                return b""
            raise

    def _target(
        self, base: Base, path: str, ids: Mapping[str, str], query: Mapping[str, Any]
    ) -> str:
        """The address of a request, with the placeholders of its path filled."""
        if ids:
            path = path.format_map({name: path_segment(name, value) for name, value in ids.items()})
        target = self._address(base) + path
        if text := query_string(query):
            target += f"?{text}"
        if len(target) > MAX_TARGET_LENGTH:
            raise InputError("the arguments are too long for the address of a request")
        return target

    def _address(self, base: Base) -> str:
        """What comes before a path; raises ConfigurationError if the host is not configured."""
        if base in ("v1", "root"):
            return "/v1" if base == "v1" else ""
        name = "PORTKEY_MCP_BASE_URL" if base == "mcp" else "PORTKEY_PRICES_URL"
        address = self._settings.mcp_address if base == "mcp" else self._settings.prices_address
        if address is None:
            raise ConfigurationError(
                f"{name} is not set, and has no default because PORTKEY_BASE_URL is not Portkey's "
                "own. Set it in this server's environment."
            )
        return address

    async def _send(self, request: "_Request") -> bytes:
        """Send a request, and again if that is safe; returns the body of the answer."""
        started = time.monotonic()
        try:
            return await self._send_once(request)
        except PortkeyAdminError as error:
            return await self._send_again(request, error, started)

    async def _send_again(
        self, request: "_Request", first_error: PortkeyAdminError, started: float
    ) -> bytes:
        """Try again if that is safe; the attempt that failed with `first_error` is the first.

        An error after several attempts has a note that says how many there were.
        """
        timeout_s = self._settings.timeout_ms / 1000
        attempts, content = 1, b""

        def wait(error: Exception) -> bool | float:
            time_left_s = started + MAX_RETRY_S - time.monotonic()
            return wait_before_retry(error, request.method, request.is_read, time_left_s, timeout_s)

        try:
            async for attempt in attempts_of(wait):
                with attempt:
                    attempts = attempt.num
                    if attempts == 1:
                        raise first_error
                    content = await self._send_before(started + MAX_RETRY_S, request)
        except PortkeyAdminError as error:
            if attempts > 1:
                elapsed_s = time.monotonic() - started
                error.add_note(f"It was tried {attempts} times in {elapsed_s:.1f} s.")
            raise
        return content

    async def _send_before(self, deadline: float, request: "_Request") -> bytes:
        """Send a request again, and give it up when the time for all attempts is over."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._send_once(request)
        except TimeoutError as error:
            failure = Unavailable if request.is_read else OutcomeUnknown
            raise failure("no answer in time", request=request.name) from error

    async def _send_once(self, request: "_Request") -> bytes:
        started = time.perf_counter()
        try:
            status, headers, content = await self._transport(
                request.method, request.target, self._headers(request), request.body
            )
        except ConnectionRefusedError as error:
            raise Unreachable(str(error), request=request.name) from error
        except (TimeoutError, ConnectionError) as error:
            failure = Unavailable if request.is_read else OutcomeUnknown
            raise failure(str(error), request=request.name) from error
        except UnusableAnswer as error:
            raise UnexpectedAnswer(str(error), request=request.name) from error
        if log.isEnabledFor(logging.DEBUG):
            elapsed_ms = (time.perf_counter() - started) * 1000
            log.debug("%s answered %d in %.0f ms", request.name, status, elapsed_ms)
        if 200 <= status < 300:
            return content
        message, code = map(self._without_key, message_and_code(content))
        kind = error_for_status(status, write=not request.is_read)
        raise kind(
            message or "(no message)",
            request=request.name,
            status=status,
            code=code or None,
            retry_after=retry_after(headers.get("retry-after"), self.now()),
        )

    def _without_key(self, text: str) -> str:
        """The text without the key: a proxy may repeat the headers of a request."""
        key = "" if self._key is None else self._key.get_secret_value()
        return forms_of(key).sub("***", text) if key else text

    def _headers(self, request: "_Request") -> dict[str, str]:
        headers = {"accept": "application/json", "user-agent": USER_AGENT}
        if request.headers:
            headers |= request.headers
        if request.needs_key:
            headers["x-portkey-api-key"] = self._secret()
        if request.body is not None:
            headers["content-type"] = "application/json"
        return headers

    def _secret(self) -> str:
        if self._key is None:
            raise ConfigurationError(
                "PORTKEY_API_KEY is not set, so no request can be sent to Portkey. Set it in this "
                "server's environment, or start with --sandbox to try the tools without a key."
            )
        return self._key.get_secret_value()


class _Request(NamedTuple):
    """A request, ready to be sent. `name` is its endpoint; `is_read`: it changes nothing."""

    name: str
    target: str
    body: bytes | None
    is_read: bool
    needs_key: bool
    headers: Mapping[str, str] | None = None

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]


def _record(returns: type[R], content: bytes, request: str) -> R:
    return returns.read(decoded_answer(content, request))
