"""`policy`: check a policy file, and explain what it says of a call."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..suggestions import suggest
from .failures import exit_on_error
from .options import env_file_option

if TYPE_CHECKING:
    from ..portkey.catalog import Tool
    from ..safety.policy import Decision, Facts, Policy


@click.group(short_help="Check a policy file, and explain what it allows.")
def policy() -> None:
    """Check a policy file, and explain what it says of a call. Nothing is sent to Portkey.

    \b
    portkey-admin-mcp policy check policy.yaml
    portkey-admin-mcp policy explain delete_workspace --role on-call
    """  # noqa: D301  # click needs the character \b


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE; each mistake is printed with its line. The exit code is 1 if there is any.

    \b
    portkey-admin-mcp policy check policy.yaml
    """  # noqa: D301  # click needs the character \b
    rules = _read(file).rules
    click.echo(f"{file} is right: {len(rules)} rules")


@policy.command()
@click.argument("tool")
@click.option("--as", "principal", default="local", show_default=True, help="Who calls.")
@click.option("--role", "roles", multiple=True, help="A role of the caller; may be repeated.")
@click.option("--claim", "claims", multiple=True, help="NAME=VALUE of the caller's token.")
@click.option("--workspace", help="The workspace that the call is about, as the policy names it.")
@click.option("--arguments", default="{}", help="The arguments as JSON; they decide the risk.")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Another file than PORTKEY_POLICY_FILE."
)
@env_file_option
def explain(
    tool: str,
    principal: str,
    roles: tuple[str, ...],
    claims: tuple[str, ...],
    workspace: str | None,
    arguments: str,
    file: Path | None,
    env_file: Path | None,
) -> None:
    """Say what happens to a call of TOOL, and by which rule.

    \b
    portkey-admin-mcp policy explain delete_workspace --role on-call
    """  # noqa: D301  # click needs the character \b
    from ..safety.caller import Caller
    from ..safety.policy import Facts
    from ..settings.safety import load_safety

    with exit_on_error():
        safety = load_safety(env_file)
    declared = _tool(tool)
    if setting := _not_offered_by(declared, env_file):
        click.echo(f"{tool}: not offered, so it cannot be called\n  by {setting}")
        return
    if refusal := _outside_bound(declared, safety.workspaces, workspace):
        click.echo(f"{tool}: denied\n  by PORTKEY_WORKSPACES: {refusal}")
        return
    path = file or safety.policy_file
    if path is None:
        raise click.UsageError("Set PORTKEY_POLICY_FILE, or name a policy with --file.")
    rules = _read(path)
    caller = Caller(principal, roles=frozenset(roles), claims=_claims(claims))
    workspaces = None if workspace is None else (frozenset((workspace,)),)
    facts = Facts(declared, _risk(declared, _object(arguments)), caller, workspaces)
    for line in lines_about(rules, facts, confirms=safety.confirm != "never"):
        click.echo(line)


def lines_about(policy: "Policy", facts: "Facts", *, confirms: bool) -> list[str]:
    """What a policy says of a call: the decision, the rule with its place, and what is unknown."""
    decision = policy.decide(facts)
    words = {"allow": "allowed", "deny": "denied", "confirm": "allowed once a person confirms it"}
    lines = [f"{facts.tool.name}: {words[decision.action]}", f"  by {_source(decision)}"]
    if decision.rule is not None and decision.rule.why:
        lines.append(f"  because {decision.rule.why}")
    if decision.action == "confirm" and not confirms:
        lines.append("  but PORTKEY_CONFIRM is never, so nobody is asked")
    if facts.workspaces is None and policy.asks_for_workspaces(facts.tool):
        lines.append("  without --workspace, as if the workspace were not known")
    return lines


def _not_offered_by(tool: "Tool", env_file: Path | None) -> str:
    """The settings by which this server does not offer a tool; empty if it does."""
    from ..assembly import selected_offer
    from ..settings.settings import load_settings

    with exit_on_error():
        settings = load_settings(env_file, PORTKEY_SANDBOX=True)
        offer = selected_offer(settings)
    if tool.name in offer.tools:
        return ""
    if settings.read_only and tool.effect != "read":
        return "PORTKEY_READ_ONLY"
    return "PORTKEY_TOOLSETS, PORTKEY_TOOLS or PORTKEY_EXCLUDE_TOOLS"


def _outside_bound(tool: "Tool", bound: tuple[str, ...], workspace: str | None) -> str:
    """Why the bound on workspaces refuses a call; empty if it does not."""
    from ..safety.policy_reach import reach_of

    reach = reach_of(tool)
    if not bound or reach == "none":
        return ""
    if reach == "organisation":
        return "it is about the whole organisation"
    is_other = workspace is not None and workspace not in bound
    return f"{workspace} is another workspace" if is_other else ""


def _source(decision: "Decision") -> str:
    return "the default of the policy" if decision.rule is None else decision.rule.place


def _read(file: Path) -> "Policy":
    from ..safety.policy_file import read_policy
    from ..server.loading import load_offer

    with exit_on_error():
        return read_policy(file, [*load_offer().tools])


def _tool(name: str) -> "Tool":
    """The tool of this name; ends the command if there is none."""
    from ..server.mcp.definitions import all_tools

    tools = {tool.name: tool for tool in all_tools()}
    if name not in tools:
        raise click.ClickException(f"There is no tool {name!r}. {suggest(name, tools)}".strip())
    return tools[name]


def _risk(tool: "Tool", arguments: dict[str, Any]) -> str:
    """The risk of a call with these arguments, or of one with as few as the tool takes."""
    from ..safety.risk import rating_of
    from ..server.calls.arguments import arguments_model, read_arguments
    from ..server.calls.schema import accepted_schema

    model = arguments_model(tool)
    if not arguments:
        return rating_of(tool, model.model_construct()).risk
    with exit_on_error():
        checked = read_arguments(model, accepted_schema(model), arguments)
    return rating_of(tool, checked).risk


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.UsageError('--arguments takes a JSON object, such as \'{"user_id": "…"}\'.')
    return value


def _claims(texts: tuple[str, ...]) -> dict[str, list[str]]:
    claims: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.UsageError("--claim takes NAME=VALUE, such as groups=admins.")
        claims.setdefault(name, []).append(value)
    return claims
