"""The caller of an HTTP request, who owns the sessions and streams that it opens."""

from typing import Any

from ....safety.caller import ANONYMOUS, Caller


def principal_of(scope: Any) -> Caller:
    """The caller of this request, as `auth.Authentication` stored it."""
    caller: Caller = scope.get("state", {}).get("principal", ANONYMOUS)
    return caller
