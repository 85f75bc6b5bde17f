"""The kinds of errors of commands: each has a name, an exit code, and a cure for a person.

Derived once from the classes of `errors.py`; a class without an entry has that of its parent.
"""

import math
from typing import NamedTuple

import click

from ..errors import (
    ApprovalNeeded,
    ConfigurationError,
    Conflict,
    Forbidden,
    InputError,
    JournalUnavailable,
    NotAvailable,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    PortkeyAdminError,
    RateLimited,
    ReadOnly,
    Redirected,
    Rejected,
    StateUnavailable,
    SubscriptionExhausted,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from .options import DESCRIBE_SETTING


class Kind(NamedTuple):
    """A kind of error.

    `cure` may contain `{how}`, how to approve it; `{wait}`, how long; and `{program}`, the command
    that starts this program.
    """

    name: str
    exit_code: int
    meaning: str
    cure: str = ""


DONE = Kind("done", 0, "it succeeded")
FAILED = Kind("failed", 1, "any other failure, also an error in this program")
USAGE = Kind(
    "usage",
    2,
    "the command line or the arguments are wrong; nothing was sent",
    "Nothing was sent. Correct the arguments.",
)
CONFIGURATION = Kind("configuration", 3, "a setting is missing or wrong", DESCRIBE_SETTING)
NOT_FOUND = Kind(
    "not_found", 4, "no such object (404)", "Check the id, or that the key may see its workspace."
)
FORBIDDEN = Kind(
    "forbidden",
    5,
    "the key lacks a scope, or may not see the object (403)",
    "Use a key with the scopes that `describe` names. Portkey answers the same for an object that "
    "does not exist.",
)
UNAUTHENTICATED = Kind(
    "unauthenticated",
    6,
    "the key is wrong, expired or revoked (401)",
    "Set PORTKEY_API_KEY to a valid key.",
)
REFUSED = Kind(
    "refused",
    7,
    "a policy, a freeze, a person or PORTKEY_READ_ONLY refuses it; nothing was sent",
    "Nothing was sent.",
)
NEEDS_APPROVAL = Kind(
    "needs_approval",
    8,
    "a person must approve it first; nothing was sent",
    "Nothing was sent. A person allows it: {how}. Then run the same command again.",
)
RATE_LIMITED = Kind(
    "rate_limited", 9, "too many requests (429)", "Run the command again in {wait}."
)
UNAVAILABLE = Kind(
    "unavailable",
    10,
    "Portkey was not reached or did not answer; nothing was changed",
    "Nothing was changed. Check the network and PORTKEY_BASE_URL, and run the command again.",
)
OUTCOME_UNKNOWN = Kind(
    "outcome_unknown",
    11,
    "a change was sent, and its outcome is not known",
    "It is unknown whether anything changed. Read the object before you repeat the change.",
)
CONFLICT = Kind(
    "conflict",
    12,
    "it exists already, or something depends on it (409)",
    "Read the current state, and change or remove what is in the way.",
)
REJECTED = Kind(
    "rejected",
    13,
    "Portkey does not accept what was sent (400, 412, 422)",
    "Nothing was changed. Correct the arguments, or read the state of the object.",
)
NOT_AVAILABLE = Kind(
    "not_available",
    14,
    "this deployment or plan of Portkey does not have it (402, 405, 501)",
    "The arguments are not at fault.",
)
UNEXPECTED_ANSWER = Kind(
    "unexpected_answer",
    15,
    "the request succeeded, but the answer is not JSON",
    "The request succeeded; do not repeat it. Check PORTKEY_BASE_URL: something between here and "
    "Portkey may have answered.",
)
INTERRUPTED = Kind("interrupted", 130, "Ctrl-C or SIGTERM, and nothing was changed")

KINDS = (
    *(DONE, FAILED, USAGE, CONFIGURATION, NOT_FOUND, FORBIDDEN, UNAUTHENTICATED, REFUSED),
    *(NEEDS_APPROVAL, RATE_LIMITED, UNAVAILABLE, OUTCOME_UNKNOWN, CONFLICT, REJECTED),
    *(NOT_AVAILABLE, UNEXPECTED_ANSWER, INTERRUPTED),
)
"""All kinds, in the order of their exit codes."""

BY_ERROR: dict[type[BaseException], Kind] = {
    PortkeyAdminError: FAILED,
    ConfigurationError: CONFIGURATION,
    ReadOnly: REFUSED,
    InputError: USAGE,
    NotPermitted: REFUSED,
    JournalUnavailable: REFUSED,
    StateUnavailable: REFUSED,
    ApprovalNeeded: NEEDS_APPROVAL,
    Unauthenticated: UNAUTHENTICATED,
    SubscriptionExhausted: NOT_AVAILABLE,
    Forbidden: FORBIDDEN,
    NotFound: NOT_FOUND,
    NotAvailable: NOT_AVAILABLE,
    Conflict: CONFLICT,
    Rejected: REJECTED,
    RateLimited: RATE_LIMITED,
    Redirected: CONFIGURATION,
    Unreachable: UNAVAILABLE,
    Unavailable: UNAVAILABLE,
    OutcomeUnknown: OUTCOME_UNKNOWN,
    UnexpectedAnswer: UNEXPECTED_ANSWER,
    click.UsageError: USAGE,
    click.Abort: INTERRUPTED,
    KeyboardInterrupt: INTERRUPTED,
    BaseException: FAILED,
}


BY_STATUS = {
    407: CONFIGURATION._replace(
        cure="Nothing reached Portkey. Put the proxy's user name and password into HTTPS_PROXY, or "
        "Portkey's host into NO_PROXY."
    ),
    412: REJECTED._replace(cure="Nothing was run. A budget is used up: raise it, or wait."),
}
"""Kinds of refusals that only the status of the answer tells."""


def kind_of(error: BaseException) -> Kind:
    """The kind of an error, by its status, its class or the nearest of the parents of that."""
    if isinstance(error, Rejected) and error.status in BY_STATUS:
        return BY_STATUS[error.status]
    return next(BY_ERROR[cls] for cls in type(error).__mro__ if cls in BY_ERROR)


def cure_of(error: BaseException) -> str:
    """What a person can do about an error: a sentence or two; empty if nothing is known."""
    cure = kind_of(error).cure
    if "{program}" in cure:
        from ..clients.launcher import typed_command

        cure = cure.replace("{program}", typed_command())
    return cure.replace("{how}", getattr(error, "how", "")).replace("{wait}", _wait(error))


def _wait(error: BaseException) -> str:
    seconds: float | None = getattr(error, "retry_after", None)
    if seconds is None or not math.isfinite(seconds):
        return "a minute"
    return f"{max(1, math.ceil(seconds))} s"


def exit_code_names() -> str:
    """Each exit code with its name, for the help of a command."""
    return ", ".join(f"{kind.exit_code} {kind.name}" for kind in KINDS)
