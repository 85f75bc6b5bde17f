"""The key: whether Portkey accepts it, what it may do, and which tools will fail with it."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import PortkeyAdminError
from ...settings.safety import SafetySettings
from ...settings.settings import Settings
from .findings import Area, Finding

if TYPE_CHECKING:
    from ...server.calls.tool_calls import ToolCalls

AREA = Area("portkey")
MAX_REASONS = 6


async def check_key(settings: Settings, safety: SafetySettings) -> AsyncIterator[Finding]:
    """What harmless reads tell of the key, as `whoami` does."""
    if settings.api_key is None and not settings.sandbox:
        cure = "Set PORTKEY_API_KEY, or add --sandbox to try everything without a key."
        yield AREA.failed("key", "PORTKEY_API_KEY is not set", cure)
        return
    from ...server.calls.tool_calls import ToolFailed

    try:
        calls = _calls(settings, safety)
        try:
            answer = await calls.answer("whoami", {})
        finally:
            calls.portkey().retire()
    except (PortkeyAdminError, ToolFailed) as error:
        what_happened, *advice = str(error).splitlines()
        yield AREA.failed("key", what_happened, " ".join(advice) or "See the findings above.")
        return
    for finding in findings_of(answer, is_sandbox=settings.sandbox):
        yield finding


def findings_of(answer: Mapping[str, Any], *, is_sandbox: bool) -> list[Finding]:
    """The findings in an answer of `whoami`."""
    key = answer["key"]
    if not key["accepted"]:
        cure = "Copy the key again, or create another at Portkey: it is wrong, expired or revoked."
        return [AREA.failed("key", "Portkey does not accept it (401)", cure)]
    unanswered = {
        path: outcome
        for path, outcome in key["reads"].items()
        if not outcome.startswith(("2", "4"))
    }
    if unanswered:
        detail = ", ".join(f"{path}: {outcome}" for path, outcome in unanswered.items())
        return [AREA.failed("key", f"not all reads were answered: {detail}", "Try again later.")]
    where = " of the sandbox" if is_sandbox else ""
    workspace = f", workspace {key['workspace']}" if key["workspace"] else ""
    findings = [AREA.ok("key", f"accepted; kind: {key['kind']}{where}{workspace}"), _scopes(key)]
    plan = f"{key['plan']} plan"
    findings.append(
        AREA.skipped("plan", "the reads that this key may make do not tell")
        if key["plan"] == "not known"
        else AREA.ok("plan", plan)
    )
    return [*findings, _tools(answer)]


def _scopes(key: Mapping[str, Any]) -> Finding:
    scopes = key["scopes"]
    if isinstance(scopes, str):
        return AREA.skipped("scopes", f"{scopes}; known by {key['known_by']}")
    return AREA.ok("scopes", f"{len(scopes)}; `call whoami names=true` names the tools without")


def _tools(answer: Mapping[str, Any]) -> Finding:
    failing: dict[str, dict[str, int]] = answer["will_fail"]
    total = answer["limits"].get("tools", 0)
    reasons: dict[str, int] = {}
    for counts in failing.values():
        for reason, count in counts.items():
            reasons[reason] = reasons.get(reason, 0) + count
    if not reasons:
        return AREA.ok("tools", f"{total} offered; none is known to fail with this key")
    commonest = sorted(reasons.items(), key=lambda item: -item[1])[:MAX_REASONS]
    shown = ", ".join(f"{count} for {reason}" for reason, count in commonest)
    return AREA.warning(
        "tools",
        f"{sum(reasons.values())} of {total} will fail: {shown}",
        "`portkey-admin-mcp call whoami names=true` names each, with the reason. Give the key the "
        "missing scopes, or offer fewer tools with PORTKEY_TOOLSETS.",
    )


def _calls(settings: Settings, safety: SafetySettings) -> "ToolCalls":
    """What calls the tools; it changes nothing, so nothing is written into a journal."""
    from ...assembly import selected_offer, tool_calls
    from ...door_assembly import permitted_offer, policy_guard

    all_tools = settings.model_copy(update={"tool_mode": "full"})
    guard = policy_guard(safety)
    offer = permitted_offer(selected_offer(all_tools), guard)
    return tool_calls(all_tools, safety, offer, guard=guard)
