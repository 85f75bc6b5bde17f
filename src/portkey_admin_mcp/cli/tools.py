"""`tools`: the tools that this server offers, and a digest to pin them."""

import json
from pathlib import Path

import click

from .failures import exit_on_configuration_error
from .options import env_file_option


@click.command(short_help="List the tools, or print a digest to pin them.")
@env_file_option
@click.option("--domain", help="Only the tools of this domain.")
@click.option("--digest", is_flag=True, help="Print only the digest of all definitions.")
@click.option("--json", "as_json", is_flag=True, help="Print the definitions as JSON.")
def tools(env_file: Path | None, domain: str | None, digest: bool, as_json: bool) -> None:
    """List the tools that the settings offer: name, effect and first sentence.

    The digest is a hash of what clients see of them: names, descriptions and schemas. It changes
    with any of these, and with the settings that select tools. The HTTP service shows its own at
    /auth/info.
    """
    from ..assembly import selected_offer
    from ..settings.settings import load_settings

    with exit_on_configuration_error():
        offer = selected_offer(load_settings(env_file, PORTKEY_SANDBOX=True))
    if digest:
        click.echo(offer.digest)
        return
    listed = [tool for tool in offer.tools.values() if domain in (None, tool.domain)]
    if not listed:
        domains = ", ".join(dict.fromkeys(tool.domain for tool in offer.tools.values()))
        raise click.BadParameter(f"there is no domain {domain!r}; there are {domains}")
    if as_json:
        definitions = [tool.definition for tool in listed]
        click.echo(json.dumps(definitions, ensure_ascii=False, indent=2))
        return
    width = max(len(tool.name) for tool in listed)
    for tool in listed:
        sentence = " ".join(tool.description.split()).partition(". ")[0].rstrip(".")
        click.echo(f"{tool.name:{width}}  {tool.effect:9}  {sentence}")
