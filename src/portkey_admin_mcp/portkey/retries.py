"""Which failed requests are sent again, and when; docs/decisions/retries.md has the reasons."""

import logging
import random
from collections.abc import AsyncIterable, Callable
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING

from ..errors import ApiError, RateLimited, Unavailable, Unreachable

if TYPE_CHECKING:
    from stamina import Attempt
    from stamina.instrumentation import RetryDetails

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 4
MAX_RETRY_S = 45.0
"""All attempts together end after this time: MCP clients give up a call after 60 s."""
MAX_BACKOFF_S = 5.0
"""The longest wait before an attempt, unless the server asks for another."""
MAX_RETRY_AFTER_S = 20.0
"""A longer `Retry-After` is reported to the caller instead of waited for."""

LONG_WAIT_S = 2.0
"""Before a longer wait, whoever waits is told."""

on_long_wait: ContextVar[Callable[[str], None] | None] = ContextVar("on_long_wait", default=None)
"""Receives a sentence before each long wait, where a person waits who can read it."""


def attempts_of(wait: Callable[[Exception], bool | float]) -> "AsyncIterable[Attempt]":
    """The attempts of a request; `wait` says of an error whether, or after how long, to go on."""
    import stamina  # imported here, since most requests are not repeated

    _use_own_log()
    return stamina.retry_context(
        on=wait, attempts=MAX_ATTEMPTS, timeout=None, wait_max=MAX_BACKOFF_S
    )


@cache
def _use_own_log() -> None:
    """Log retries by `_log_retry`: stamina's own line says neither of what, nor why."""
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([_log_retry])


def _log_retry(details: "RetryDetails") -> None:
    """Log that a request is sent again, and tell who waits, if it is a long wait."""
    error = details.caused_by
    if not isinstance(error, ApiError):
        return
    reason = "was not answered" if error.status is None else f"was answered {error.status}"
    log.debug("%s %s; sent again in %.1f s", error.request, reason, details.wait_for)
    tell = on_long_wait.get()
    if tell is not None and details.wait_for >= LONG_WAIT_S:
        tell(f"{error.request} {reason}; it is sent again in {details.wait_for:.0f} s.")


def wait_before_retry(
    error: Exception, method: str, is_read: bool, time_left_s: float, timeout_s: float
) -> bool | float:
    """Whether to try again, or after how many seconds.

    A read is repeated after every temporary failure. A write is repeated only if it cannot have
    taken effect: no connection, or 429 on an idempotent verb. Portkey's PUT makes a new version
    each time, so one that may have arrived is never repeated.

    After a write that could not connect, there must be time to connect: then it has been sent if
    the time ends later, and its outcome is unknown.
    """
    wait = error.retry_after if isinstance(error, RateLimited) else None
    time_needed_s = MAX_BACKOFF_S if wait is None else wait
    if isinstance(error, Unreachable) and not is_read:
        time_needed_s += timeout_s
    if not _may_be_repeated(error, method, is_read) or time_needed_s >= time_left_s:
        return False
    return True if wait is None else wait + random.uniform(0, 0.1)  # noqa: S311  # jitter


def _may_be_repeated(error: Exception, method: str, is_read: bool) -> bool:
    if isinstance(error, RateLimited):
        is_short = (error.retry_after or 0) <= MAX_RETRY_AFTER_S
        return is_short and (method != "POST" or is_read)
    if isinstance(error, Unavailable) and is_read:
        return error.status in (None, 502, 503, 504)
    return isinstance(error, Unreachable)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from either form of the header (RFC 9110, 10.2.3); None if unreadable."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now.timestamp())
    except (ValueError, OverflowError):
        return None
