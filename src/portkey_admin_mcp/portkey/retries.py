"""Which failed requests are sent again, and when; docs/decisions/retries.md has the reasons."""

import random
from datetime import datetime
from email.utils import parsedate_to_datetime

from ..errors import RateLimited, Unavailable, Unreachable

MAX_ATTEMPTS = 4
MAX_RETRY_S = 45.0
"""All attempts together end after this time: MCP clients give up a call after 60 s."""
MAX_BACKOFF_S = 5.0
"""The longest wait before an attempt, unless the server asks for another."""
MAX_RETRY_AFTER_S = 20.0
"""A longer `Retry-After` is reported to the caller instead of waited for."""


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
