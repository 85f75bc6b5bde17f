"""The key: whether Portkey accepts it, what it may do, and which tools will fail with it."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from ...clients.launcher import typed_command
from ...errors import PortkeyAdminError
from ...settings.safety import SafetySettings
from ...settings.settings import Settings
from .findings import Area, Finding

if TYPE_CHECKING:
    from ...server.calls.tool_calls import ToolCalls
    from ...settings.hosting import Hosting

AREA = Area("portkey")
MAX_REASONS = 6
FEWER_TOOLS = "or offer fewer tools with PORTKEY_TOOLSETS."
CURES = {
    "scope": f"Give the key the missing scopes, {FEWER_TOOLS}",
    "needs an organisation key": f"Use an organisation key, {FEWER_TOOLS}",
    "needs an Enterprise plan": "Offer fewer tools with PORTKEY_TOOLSETS.",
    "policy": "They are denied by the policy: change PORTKEY_POLICY_FILE if that is wrong.",
    "freeze": "A person ends the freeze: `{program} thaw{options}`.",
}
"""What to do about each reason for which tools will fail."""


def missing_key(settings: Settings, hosting: "Hosting | None") -> Finding | None:
    """That no key is set, if one is needed."""
    if settings.api_key is not None or settings.sandbox:
        return None
    if hosting is not None and hosting.key_mode == "caller":
        return AREA.skipped("key", "PORTKEY_KEY_MODE=caller: each caller of the service sends one")
    cure = "Set PORTKEY_API_KEY, or add --sandbox to try everything without a key."
    return AREA.failed("key", "PORTKEY_API_KEY is not set", cure)


async def check_key(
    settings: Settings, safety: SafetySettings, options: str
) -> AsyncIterator[Finding]:
    """What harmless reads tell of the key, as `whoami` does. `options` are those of cures."""
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
    for finding in findings_of(answer, options, is_sandbox=settings.sandbox):
        yield finding


def findings_of(answer: Mapping[str, Any], options: str, *, is_sandbox: bool) -> list[Finding]:
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
    findings = [
        AREA.ok("key", f"accepted; kind: {key['kind']}{where}{workspace}"),
        _scopes(key, options),
    ]
    plan = f"{key['plan']} plan"
    findings.append(
        AREA.skipped("plan", "the reads that this key may make do not tell")
        if key["plan"] == "not known"
        else AREA.ok("plan", plan)
    )
    return [*findings, _tools(answer, options)]


def _scopes(key: Mapping[str, Any], options: str) -> Finding:
    scopes = key["scopes"]
    if isinstance(scopes, str):
        return AREA.skipped("scopes", f"{scopes}; known by {key['known_by']}")
    names = f"`{typed_command()} call whoami{options} names=true` names the tools without"
    return AREA.ok("scopes", f"{len(scopes)}; {names}")


def _tools(answer: Mapping[str, Any], options: str) -> Finding:
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
    program = typed_command()
    cures = [
        CURES[reason].replace("{program}", program).replace("{options}", options)
        for reason in CURES
        if reason in reasons
    ]
    names = f"`{program} call whoami{options} names=true` names each, with the reason."
    return AREA.warning(
        "tools",
        f"{sum(reasons.values())} of {total} will fail: {shown}",
        " ".join([names, *cures]),
    )


def _calls(settings: Settings, safety: SafetySettings) -> "ToolCalls":
    """What calls the tools; it changes nothing, so nothing is written into a journal."""
    from ...assembly import offer_for, tool_calls
    from ...door_assembly import policy_guard

    all_tools = settings.model_copy(update={"tool_mode": "full"})
    guard = policy_guard(safety)
    offer = offer_for(all_tools, guard)
    return tool_calls(all_tools, safety, offer, guard=guard)
