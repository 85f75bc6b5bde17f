"""How MCP clients connect to this service: the table of clients, as the status page shows it."""

from typing import NamedTuple
from urllib.parse import urlsplit

from ....clients.links import Link, app_links
from ....clients.places import shown_places
from ....clients.servers import KEY_VARIABLE, HostedServer, Secret, token_secret
from ....clients.snippets import claude_command, snippet
from ....clients.table import BY_KEY, Client
from ....settings.addresses import is_private

SHOWN = ("claude-code", "claude-desktop", "cursor", "vscode", "codex", "gemini-cli", "windsurf")
LINKS = {"cursor": ("cursor",), "vscode": ("vscode", "vscode-insiders")}
CONNECTORS = "Customize, Connectors, Add custom connector"


class ClientConfig(NamedTuple):
    """A client's configuration, split around the URL so that the page can change the URL."""

    key: str
    name: str
    location: str
    """The path of the configuration file, or where the command is run."""
    before: str
    after: str
    links: tuple[Link, ...] = ()
    note: str = ""
    """What to mind, as a sentence."""
    works: bool = True
    """Whether this client can connect to a service like this one at all; else `note` says why."""


def client_configs(endpoint: str, with_token: bool, with_key: bool = False) -> list[ClientConfig]:
    """The configurations of the clients that the page shows.

    With a token, or with each caller's own Portkey key, they name a variable for it, or let the
    client ask for it.
    """
    server = HostedServer(
        endpoint,
        token_secret() if with_token else None,
        Secret(KEY_VARIABLE) if with_key else None,
    )
    return [_client_config(BY_KEY[key], server) for key in SHOWN]


def _client_config(client: Client, server: HostedServer) -> ClientConfig:
    if client.form.hosted is None:
        return _connector(client, server)
    if client.key == "claude-code":
        location, text = "Terminal", claude_command(server)
    else:
        places = shown_places(client)
        location = places[0] if len(places) == 1 else client.project_file or places[0]
        text = snippet(client.form, server)
    before, _, after = text.partition(server.url)
    links = app_links(server)
    shown = tuple(links[key] for key in LINKS.get(client.key, ()))
    return ClientConfig(client.key, client.name, location, before, after, shown)


def _connector(client: Client, server: HostedServer) -> ClientConfig:
    """A client that keeps addresses in its account, from where its maker's servers connect."""
    config = ClientConfig(client.key, client.name, CONNECTORS, "", "")
    if server.secrets:
        note = (
            f"{client.name} sends no token and no key of yours: it connects to services with "
            "OAuth, or without sign-in."
        )
        return config._replace(note=note, works=False)
    if is_private(urlsplit(server.url).hostname or ""):
        note = (
            f"{client.name} reaches a service from the internet, and this address is not there. "
            "Run the server on your machine instead: portkey-admin-mcp install claude-desktop"
        )
        return config._replace(note=note, works=False)
    return config._replace(note="The address must be reachable from the internet.")
