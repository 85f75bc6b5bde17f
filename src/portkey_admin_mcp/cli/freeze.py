"""`freeze` and `thaw`: stop all changes of all servers that share a state, and allow them again."""

from typing import Any

import click

from .safety_state import Place, State, place_options, require_person, run


@click.command(short_help="Stop all changes at once.")
@click.option("--why", help="The reason, which every refused call shows.")
@click.option("--status", is_flag=True, help="Only show whether changes are frozen.")
@place_options
def freeze(place: Place, why: str | None, status: bool) -> None:
    """Stop all changes of every server that shares this state, until `thaw`. Reads go on.

    \b
    portkey-admin-mcp freeze --why "an incident"
    portkey-admin-mcp freeze --status --url https://mcp.example.com
    """  # noqa: D301  # click needs the character \b
    if not status and not (why and why.strip()):
        raise click.UsageError("give --why with the reason, or --status to look only")

    async def stop(state: State) -> None:
        current = await state.freeze()
        if status or current is not None:
            already = "" if status else " already"
            click.echo(
                _described(current, already) if current else f"Changes are allowed in {state.name}."
            )
            return
        from ..clients.launcher import typed_command

        current = await state.set_freeze(why)
        click.echo(f"{_described(current)}\nThis holds for every server that uses {state.name}.")
        click.echo(f"End it with: {typed_command()} thaw{place.options}")

    run(place, stop)


@click.command(short_help="Allow changes again after a freeze.")
@click.option("--yes", is_flag=True, help="With --url: do not ask.")
@place_options
def thaw(place: Place, yes: bool) -> None:
    """Allow changes again after a freeze. This needs a terminal, except with --url and --yes.

    \b
    portkey-admin-mcp thaw
    portkey-admin-mcp thaw --url https://mcp.example.com
    """  # noqa: D301  # click needs the character \b
    require_person(place, yes=yes)

    async def end(state: State) -> None:
        current = await state.freeze()
        if current is None:
            click.echo(f"Changes are not frozen in {state.name}.")
            return
        click.echo(_described(current))
        if not yes:
            click.confirm("Allow changes again?", abort=True)
        await state.set_freeze(None)
        click.echo("Changes are allowed again.")

    run(place, end)


def _described(freeze: dict[str, Any] | None, already: str = "") -> str:
    from ..safety.approvals import printable

    freeze = freeze or {}
    return printable(
        f"All changes are{already} frozen since {freeze.get('since')} by {freeze.get('by')}: "
        f"{freeze.get('why')}"
    )
