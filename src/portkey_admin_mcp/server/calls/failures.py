"""Errors as advice: what happened, and what to do next."""

from ...errors import (
    ApiError,
    ConfigurationError,
    Conflict,
    Forbidden,
    InputError,
    NotAvailable,
    NotFound,
    OutcomeUnknown,
    PortkeyAdminError,
    RateLimited,
    ReadOnly,
    Redirected,
    Rejected,
    SubscriptionExhausted,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from ...portkey.catalog import Tool

MAX_QUOTE_LENGTH = 300
"""Maximum length of a quoted error message of Portkey, in characters."""

ADVICE: dict[type[PortkeyAdminError], str] = {
    PortkeyAdminError: "Report this to the user as it is.",
    ConfigurationError: "Ask the user to correct this server's settings; calling again does not "
    "help.",
    ReadOnly: "Nothing was sent. This server only reads: tell the user what it would have changed.",
    InputError: "Nothing was sent. Correct the arguments and call {tool} again.",
    ApiError: "Report this to the user as it is.",
    Unauthenticated: "The key is wrong, expired or revoked: ask the user to set PORTKEY_API_KEY "
    "to a valid key.",
    SubscriptionExhausted: "The organisation's plan does not cover this; tell the user.",
    Forbidden: "{tool} needs a key with {scopes}{plan}. Portkey answers 403 also when the id does "
    "not exist or belongs to a workspace the key may not see: check it with a list_ tool, and "
    "name the workspace (`workspace_id`) where the tool takes one.",
    NotFound: "Check the id with a list_ tool of the {domain} domain.",
    NotAvailable: "This operation is not available on this deployment of Portkey, or what it is "
    "about does not exist. The arguments are not at fault: tell the user.",
    Conflict: "It exists already, or something still depends on it: read the current state, then "
    "change or remove what is in the way.",
    Rejected: "Nothing was changed. Correct the arguments and call {tool} again.",
    RateLimited: "Call {tool} again in {wait}.",
    Redirected: "Portkey is at another address: ask the user to set PORTKEY_BASE_URL to the final "
    "one. Redirects are not followed, so that the key goes nowhere else.",
    Unreachable: "Nothing was sent. Ask the user to check PORTKEY_BASE_URL, the proxy and the "
    "network, then call {tool} again.",
    Unavailable: "Nothing was changed. Call {tool} again in a minute.",
    OutcomeUnknown: "It is unknown whether anything changed. Read the state before you repeat a "
    "write.",
    UnexpectedAnswer: "The request succeeded; do not repeat it. Something between here and "
    "Portkey may have answered: check PORTKEY_BASE_URL.",
}


def advice(error: PortkeyAdminError, tool: Tool) -> str:
    """The text for the model: the failure in the first line, the advice in the last."""
    kind = NotAvailable if tool.unconfirmed and isinstance(error, NotFound) else type(error)
    nearest = next(cls for cls in kind.__mro__ if cls in ADVICE)
    what_to_do = ADVICE[nearest].format(
        tool=tool.name,
        domain=tool.domain,
        scopes=tool.scopes_in_words or "the right kind",
        plan=", on an Enterprise plan" if tool.enterprise else "",
        wait=_wait(error),
    )
    notes: list[str] = getattr(error, "__notes__", [])
    return "\n".join([_what_happened(error), *notes, what_to_do])


def input_advice(error: InputError, name: str) -> str:
    """The same as `advice`, for invalid arguments of a tool that is not in the catalog."""
    return f"{error}\n{ADVICE[InputError].format(tool=name)}"


def _what_happened(error: PortkeyAdminError) -> str:
    if not isinstance(error, ApiError):
        return str(error)
    if error.status is None:
        return f"{error.request} failed: {error}"
    code = f" {error.code}" if error.code else ""
    return f"Portkey answered {error.status}{code} to {error.request}: {_quoted(str(error))}"


def _quoted(text: str) -> str:
    """Portkey's message on one line, without control characters, and shortened."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f'"{line[:MAX_QUOTE_LENGTH]}{"…" if len(line) > MAX_QUOTE_LENGTH else ""}"'


def _wait(error: PortkeyAdminError) -> str:
    seconds = getattr(error, "retry_after", None)
    return "a minute" if seconds is None else f"{seconds:.0f} s"
