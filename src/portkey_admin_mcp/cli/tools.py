"""`tools`: the tools that this server offers, and a digest to pin them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import env_file_option, listing_sandbox_option
from .output import Output, ResultCommand, json_options

if TYPE_CHECKING:
    from ..server.offer.offer import ListedTool, Offer

MAX_MATCHES = 10
"""Tools that a search shows."""


def _domains(_context: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    from ..domains import TOOLSETS

    return [name for name in TOOLSETS if name.startswith(typed)]


@click.command(cls=ResultCommand, short_help="List or find tools, or print a digest to pin them.")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@listing_sandbox_option
@env_file_option
@click.option("--domain", shell_complete=_domains, help="Only the tools of this domain.")
@click.option("--digest", is_flag=True, help="Print only the digest of all definitions.")
@json_options
def tools(
    words: tuple[str, ...],
    sandbox: bool,
    env_file: Path | None,
    domain: str | None,
    digest: bool,
    output: Output,
) -> None:
    """List the tools that the settings offer: name, effect and first sentence.

    Words find the ten tools that match best. --json prints the definitions as clients
    get them.

    The digest is a hash of what clients see of the tools: names, descriptions and schemas. It
    changes with any of these, and with the settings that select tools. The HTTP service shows its
    own at /auth/info.

    \b
    portkey-admin-mcp tools rotate a key
    portkey-admin-mcp tools --domain api_keys
    """  # noqa: D301  # click needs the character \b
    from ..assembly import selected_offer
    from ..settings.settings import load_settings

    # Listing needs no key, with --sandbox or without.
    offer = selected_offer(load_settings(env_file, PORTKEY_SANDBOX=True))
    if digest:
        if words or domain:
            raise click.UsageError("--digest is of all tools: leave out the words and --domain")
        output.write({"digest": offer.digest}) if output.is_json else click.echo(offer.digest)
        return
    listed = _matching(offer, domain, " ".join(words))
    if output.form == "json":
        output.write([tool.definition for tool in listed])
    elif output.is_agent:
        output.write({"tools": [_row(tool) for tool in listed]})
    else:
        width = max((len(tool.name) for tool in listed), default=0)
        for tool in listed:
            row = _row(tool)
            click.echo(f"{row['name']:{width}}  {row['effect']:9}  {row['summary']}")


def _matching(offer: "Offer", domain: str | None, query: str) -> "list[ListedTool]":
    """The tools of a domain that match a query; raises BadParameter if none does."""
    tools = [tool for tool in offer.tools.values() if domain in (None, tool.domain)]
    if not tools:
        domains = ", ".join(dict.fromkeys(tool.domain for tool in offer.tools.values()))
        raise click.BadParameter(f"there is no domain {domain!r}; there are {domains}")
    if not query:
        return tools
    from ..server.modes.search import ToolSearch

    matches = [offer.tools[name] for name in ToolSearch(tools).find(query)]
    if not matches:
        raise click.BadParameter(f"no tool matches {query!r}: try other words, or none")
    return matches[:MAX_MATCHES]


def _row(tool: "ListedTool") -> dict[str, str]:
    return {
        "name": tool.name,
        "domain": tool.domain,
        "effect": tool.effect,
        "summary": tool.summary,
    }
