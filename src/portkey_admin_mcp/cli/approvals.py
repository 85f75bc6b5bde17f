"""`approvals`, `approve`, `deny`: a person settles what a model asked for, outside the model."""

import json
from typing import Any

import click

from .safety_state import Place, State, place_options, require_person, run


@click.command(short_help="List the changes that wait for a person's approval.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@place_options
def approvals(place: Place, as_json: bool) -> None:
    """List the changes that wait for a person's approval, with what each would do.

    \b
    portkey-admin-mcp approvals
    portkey-admin-mcp approvals --url https://mcp.example.com
    """  # noqa: D301  # click needs the character \b

    async def list_open(state: State) -> None:
        from ..clients.launcher import typed_command

        waiting = await state.list_open()
        if as_json:
            click.echo(json.dumps({"approvals": waiting}, indent=2))
            return
        for approval in waiting:
            click.echo(_described(approval))
        count = f"{len(waiting)} open request{'' if len(waiting) == 1 else 's'}"
        click.echo(f"{count} in {state.name}." if waiting else f"No open requests in {state.name}.")
        if waiting:
            approve_one = f"{typed_command()} approve ID{place.options}"
            click.echo(f"Settle one: {approve_one}, or deny ID.")

    run(place, list_open)


@click.command(short_help="Approve a change.")
@click.argument("id")
@click.option("--yes", is_flag=True, help="With --url: do not ask to type the object's name.")
@place_options
def approve(place: Place, id: str, yes: bool) -> None:
    """Approve the change with this ID, so that the same call passes once, within an hour.

    Shows what it would do, and asks you to type the name of the object. This needs a terminal,
    except with --url and --yes.

    \b
    portkey-admin-mcp approve 4f1c2d3a
    portkey-admin-mcp approve 4f1c2d3a --url https://mcp.example.com
    """  # noqa: D301  # click needs the character \b
    require_person(place, yes=yes)

    async def ask_and_approve(state: State) -> None:
        from ..safety.approvals import printable, settled_text_of

        approval = await state.find(id)
        click.echo(_described(approval))
        name = approval["name"]
        if not yes:
            typed = click.prompt(f"To approve it, type its name ({printable(name)})")
            if typed.strip() not in (name, printable(name)):
                raise click.ClickException("that is not its name, so nothing was approved.")
        click.echo(settled_text_of(await state.settle(id, "approve", name, "")))

    run(place, ask_and_approve)


@click.command(short_help="Deny a change.")
@click.argument("id")
@click.option("--why", default="", help="The reason, which the model reads.")
@place_options
def deny(place: Place, id: str, why: str) -> None:
    """Deny the change with this ID; the same call is refused for an hour.

    \b
    portkey-admin-mcp deny 4f1c2d3a --why "still in use"
    """  # noqa: D301  # click needs the character \b

    async def deny_it(state: State) -> None:
        from ..safety.approvals import settled_text_of

        click.echo(settled_text_of(await state.settle(id, "deny", "", why)))

    run(place, deny_it)


def _described(approval: dict[str, Any]) -> str:
    """A request as a person reads it: the texts in it may be anybody's."""
    from ..safety.approvals import lines_of_approval, printable

    return printable(
        f"{approval['id']}  asked for by {approval['requester']} at {approval['created_at']}, "
        f"expires at {approval['expires_at']}\n"
        + "".join(f"  {line}\n" for line in lines_of_approval(approval))
    )
