"""`doctor`: run the checks in order, and print what they found."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..check_states import STATE_MARKS
from ..options import env_file_option
from ..output import Output, ResultCommand, json_options

if TYPE_CHECKING:
    from .findings import Finding


@click.command(cls=ResultCommand, short_help="Say what does not work, and how to cure it.")
@click.option("--sandbox", is_flag=True, help="Check with the sandbox in the place of Portkey.")
@click.option("--offline", is_flag=True, help="Send nothing: check only what is on this machine.")
@click.option(
    "--setting", metavar="NAME", help="Only describe this setting, or all with NAME in their names."
)
@env_file_option
@json_options
def doctor(
    output: Output, sandbox: bool, offline: bool, setting: str | None, env_file: Path | None
) -> None:
    """Check this installation: what works, what does not, and what to do about it.

    Looks at the program, the settings and where each came from, the network, the key with its
    scopes and plan, the state of this machine, Redis and the issuer of tokens if the settings name
    them, and the configurations of MCP clients. Corrects nothing, and prints no secret. The exit
    code is 0 if nothing failed, else 1.

    \b
    portkey-admin-mcp doctor
    portkey-admin-mcp doctor --sandbox
    portkey-admin-mcp doctor --setting PORTKEY_TOOLSETS
    """  # noqa: D301  # click needs the character \b
    if setting is not None:
        _describe(setting, output)
        return
    findings = asyncio.run(_run(sandbox, env_file, output, offline=offline))
    failed = sum(finding.state == "failed" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    if output.is_json:
        value = {"failed": failed, "warnings": warnings}
        output.write({**value, "findings": [finding.shown() for finding in findings]})
    else:
        click.echo(_summary(failed, warnings))
    sys.exit(1 if failed else 0)


def _describe(text: str, output: Output) -> None:
    from .describe_setting import describe_settings, shown

    settings = describe_settings(text)
    if output.is_json:
        output.write({"settings": settings})
    else:
        click.echo("\n\n".join(map(shown, settings)))


async def _run(
    sandbox: bool, env_file: Path | None, output: Output, *, offline: bool
) -> "list[Finding]":
    """All findings; a person sees each as soon as it is there."""
    findings: list[Finding] = []
    area = ""
    async for finding in _findings(sandbox, env_file, offline=offline):
        findings.append(finding)
        if not output.is_json:
            if finding.area != area:
                area = finding.area
                click.secho(area, bold=True)
            _print(finding)
    return findings


async def _findings(
    sandbox: bool, env_file: Path | None, *, offline: bool
) -> "AsyncIterator[Finding]":
    """Each finding, from near to far."""
    from .program import check_program
    from .settings import AllSettings

    settings = AllSettings(sandbox, env_file)
    for finding in (*check_program(), *settings.check()):
        yield finding
    async for finding in _of_portkey(settings, offline=offline):
        yield finding
    async for finding in _of_service(settings, offline=offline):
        yield finding
    for finding in _of_clients():
        yield finding


async def _of_portkey(settings: Any, *, offline: bool) -> "AsyncIterator[Finding]":
    from . import network, portkey

    if settings.settings is None or settings.safety is None:
        yield network.AREA.skipped("all", "the settings are wrong")
        yield portkey.AREA.skipped("key", "the settings are wrong")
        return
    is_reachable = True
    if settings.is_sandbox:
        yield network.AREA.skipped("all", "the sandbox needs no network")
    elif offline:
        yield network.AREA.skipped("all", "--offline")
    else:
        async for finding in network.check_network(settings.settings):
            is_reachable = is_reachable and finding.state != "failed"
            yield finding
    async for finding in _of_key(settings, offline=offline, is_reachable=is_reachable):
        yield finding


async def _of_key(settings: Any, *, offline: bool, is_reachable: bool) -> "AsyncIterator[Finding]":
    from . import portkey

    if (missing := portkey.missing_key(settings.settings, settings.hosting)) is not None:
        yield missing
    elif offline and not settings.is_sandbox:
        yield portkey.AREA.skipped("key", "--offline")
    elif not is_reachable:
        yield portkey.AREA.skipped("key", "Portkey cannot be reached")
    else:
        async for finding in portkey.check_key(
            settings.settings, settings.safety, settings.options
        ):
            yield finding


async def _of_service(settings: Any, *, offline: bool) -> "AsyncIterator[Finding]":
    from . import service, state

    if settings.safety is not None:
        hosting = settings.hosting
        async for finding in state.check_state(
            settings.safety,
            None if offline else hosting,
            settings.options,
            sandbox=settings.is_sandbox,
        ):
            yield finding
    if settings.hosting is None or offline:
        yield service.AREA.skipped("all", "--offline" if offline else "the settings are wrong")
        return
    async for finding in service.check_service(settings.hosting):
        yield finding


def _of_clients() -> "Iterator[Finding]":
    from ...settings.folders import load_folders
    from .clients import check_clients

    yield from check_clients(load_folders(), Path.cwd())


def _print(finding: "Finding") -> None:
    from ...server.calls.visible_text import visible

    mark, colour = STATE_MARKS[finding.state]
    style: dict[str, Any] = {"dim": True} if colour == "dim" else {"fg": colour}
    click.echo(f"  {click.style(mark, **style)} {finding.name}: {visible(finding.detail)}")
    if finding.cure:
        click.echo(f"      {visible(finding.cure)}")


def _summary(failed: int, warnings: int) -> str:
    if not failed and not warnings:
        return click.style("✓ Nothing is wrong.", fg="green")
    parts = [f"{failed} failed" if failed else "", f"{warnings} to look at" if warnings else ""]
    text = ", ".join(filter(None, parts))
    return click.style(f"{'✗' if failed else '!'} {text}.", fg="red" if failed else "yellow")
