"""Errors as advice: what happened, and what to do next."""

import math
import re

from ...errors import (
    ApiError,
    ApprovalNeeded,
    ConfigurationError,
    Conflict,
    Forbidden,
    InputError,
    NotAvailable,
    NotFound,
    NotPermitted,
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
from .arguments import arguments_model
from .hints import PLACEHOLDER, lists_of, optional_workspace, renamed_fields
from .result_size import one_line

MAX_QUOTE_LENGTH = 300
"""Maximum length of a quoted error message of Portkey, in characters."""

PLAIN_CODE = re.compile(r"[\w.-]{1,40}", re.ASCII)

NO_MESSAGE = "(no message)"
"""The message of an error whose answer is not in Portkey's form, such as a page of HTML."""
PROXY_STATUS = 407
MAX_WAIT_S = 7200
"""A longer time to wait is given in hours."""
PROXY_ADVICE = (
    "Nothing reached Portkey. Ask the user to put the proxy's user name and password into "
    "HTTPS_PROXY, or to take Portkey's host into NO_PROXY."
)
NO_API_ADVICE = (
    "This is no answer of Portkey's API, so the id may be right: ask the user to check "
    "PORTKEY_BASE_URL, which ends in /v1 for Portkey's own service."
)
BUDGET_STATUS = 412
"""Portkey's answer to a request to a model if a budget is used up."""
BUDGET_ADVICE = (
    "A budget is used up, so the request was not run; it is refused until the budget is raised or "
    "reset. Find it in usage_limits of the API key (list_api_keys), the provider (list_providers) "
    "and the workspace (get_workspace), or among the policies (list_usage_limits, then "
    "list_usage_limit_entities), and ask the user before you change it."
)
STATE_ADVICE = "What {tool} is about is in a state that does not allow it: read it first ({lists})."

NOT_VISIBLE_ADVICE = (
    " Portkey answers 403 also when the id does not exist, was deleted, or belongs to a workspace "
    "the key may not see: check it with {lists}{workspace}."
)
"""The second half of the advice on a 403, for tools that name something by an id."""
ADVICE: dict[type[PortkeyAdminError], str] = {
    PortkeyAdminError: "Report this to the user as it is.",
    ConfigurationError: "Ask the user to correct this server's settings; calling again does not "
    "help.",
    ReadOnly: "Nothing was sent. This server only reads: tell the user what it would have changed.",
    NotPermitted: "Nothing was sent, and calling again does not help: tell the user.",
    ApprovalNeeded: "Nothing was sent. Tell the user what it would do, and how to allow it: "
    "`portkey-admin-mcp approve {approval}` on this server's machine. Then call {tool} again with "
    "the same arguments; you cannot approve it yourself.",
    InputError: "Nothing was sent. Correct the arguments and call {tool} again.",
    ApiError: "Report this to the user as it is.",
    Unauthenticated: "The key is wrong, expired or revoked: ask the user to set PORTKEY_API_KEY "
    "to a valid key.",
    SubscriptionExhausted: "The organisation's plan does not cover this; tell the user.",
    Forbidden: "{tool} needs a key with {scopes}{plan}.{not_visible}",
    NotFound: "There is no such thing, or this key may not see it: check with {lists}.",
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
    lists, workspace = _lists(tool), _workspace(tool)
    not_visible = NOT_VISIBLE_ADVICE if _names_anything(tool) else ""
    what_to_do = _template(error, tool).format(
        tool=tool.name,
        lists=lists,
        not_visible=not_visible.format(lists=lists, workspace=workspace),
        scopes=tool.scopes_in_words or "the right kind",
        plan=", on an Enterprise plan" if tool.enterprise else "",
        wait=_wait(error),
        approval=getattr(error, "approval_id", ""),
    )
    names = renamed_fields(tool, str(error)) if isinstance(error, Rejected) else ""
    notes: list[str] = getattr(error, "__notes__", [])
    texts = [_what_happened(error), f"Here, {names}." if names else "", *notes, what_to_do]
    return "\n".join(filter(None, texts))


def _template(error: PortkeyAdminError, tool: Tool) -> str:
    """The advice on an error, before the tool's own facts are filled in."""
    if isinstance(error, ApiError) and error.status == PROXY_STATUS:
        return PROXY_ADVICE
    if isinstance(error, ApiError) and error.status == BUDGET_STATUS:
        return BUDGET_ADVICE
    if isinstance(error, NotFound) and str(error) == NO_MESSAGE:
        return NO_API_ADVICE
    if isinstance(error, Rejected) and (tool.if_rejected or _names_only_ids(tool)):
        return "Nothing was changed. " + (tool.if_rejected or STATE_ADVICE)
    is_absent = tool.unconfirmed or not _names_anything(tool)
    kind = NotAvailable if is_absent and isinstance(error, NotFound) else type(error)
    return ADVICE[next(cls for cls in kind.__mro__ if cls in ADVICE)]


def _names_anything(tool: Tool) -> bool:
    """Whether a tool names something by an id, or takes a workspace."""
    return bool(lists_of(tool)) or any(map(PLACEHOLDER.search, tool.endpoints))


def _names_only_ids(tool: Tool) -> bool:
    """Whether all arguments of a tool are ids in its path: then a refusal is about the object."""
    names = arguments_model(tool).model_fields
    paths = " ".join(tool.endpoints)
    return bool(names) and all(f"{{{name}}}" in paths for name in names)


def _workspace(tool: Tool) -> str:
    name = optional_workspace(tool)
    return f", and name the workspace (`{name}`)" if name else ""


def _lists(tool: Tool) -> str:
    """The tools that list what a tool names by an id, in words."""
    return " and ".join(lists_of(tool)) or "the answer that it came from"


def input_advice(error: InputError, name: str) -> str:
    """The same as `advice`, for invalid arguments of a tool that is not in the catalog."""
    return f"{error}\n{ADVICE[InputError].format(tool=name)}"


def _what_happened(error: PortkeyAdminError) -> str:
    if not isinstance(error, ApiError):
        return str(error)
    if error.status is None:
        return f"{error.request} failed: {error}"
    code = f" {_code(error.code)}" if error.code else ""
    who = "A proxy" if error.status == PROXY_STATUS else "Portkey"
    return f"{who} answered {error.status}{code} to {error.request}: {_quoted(str(error))}"


def _code(code: str) -> str:
    """An error code as it came, or quoted like a message if it is no plain word."""
    return code if PLAIN_CODE.fullmatch(code) else _quoted(code)


def _quoted(text: str) -> str:
    """Portkey's message on one line, without control characters, and shortened."""
    return f'"{one_line(text, MAX_QUOTE_LENGTH)}"'


def _wait(error: PortkeyAdminError) -> str:
    seconds: float | None = getattr(error, "retry_after", None)
    if seconds is None or not math.isfinite(seconds):
        return "a minute"
    if seconds > MAX_WAIT_S:
        return f"{seconds / 3600:.0f} hours"
    return f"{max(1, math.ceil(seconds))} s"
