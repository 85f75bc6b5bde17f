"""One-click links, which open a client and ask whether to add the server."""

import base64
import json
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from .forms import Entry, entry_of, inputs_of
from .servers import SERVER_NAME, Server
from .table import BY_KEY

Encoding = Literal["base64", "percent"]


class Link(NamedTuple):
    """A link, as the parts that a script needs to make it for another address."""

    label: str
    prefix: str
    """The address up to the configuration."""
    content: str
    """The configuration, as JSON."""
    encoding: Encoding
    """How the configuration is written into the address."""

    @property
    def address(self) -> str:
        """The whole address."""
        if self.encoding == "base64":
            encoded = base64.b64encode(self.content.encode()).decode()
        else:
            encoded = self.content
        return self.prefix + quote(encoded, safe="")


def app_links(server: Server, name: str = SERVER_NAME) -> dict[str, Link]:
    """Links that open the application by itself, by the key of the client."""
    inputs = _inputs(server, name)
    content = _json(
        {"name": name, **_entry("vscode", server, name), **({"inputs": inputs} if inputs else {})}
    )
    return {
        "cursor": Link(
            "Add to Cursor",
            f"cursor://anysphere.cursor-deeplink/mcp/install?name={quote(name)}&config=",
            _json(_entry("cursor", server, name)),
            "base64",
        ),
        "vscode": Link("Add to VS Code", "vscode:mcp/install?", content, "percent"),
        "vscode-insiders": Link(
            "Add to VS Code Insiders", "vscode-insiders:mcp/install?", content, "percent"
        ),
    }


def web_links(server: Server, name: str = SERVER_NAME) -> dict[str, str]:
    """Links over HTTPS, for pages that allow no others, like those of GitHub.

    The sites of the makers pass them on to the application, and so see the configuration.
    """
    cursor = app_links(server, name)["cursor"].address.partition("?")[2]
    inputs = _inputs(server, name)
    query = f"name={quote(name)}"
    if inputs:
        query += f"&inputs={quote(_json(inputs), safe='')}"
    query += f"&config={quote(_json(_entry('vscode', server, name)), safe='')}"
    redirect = "https://insiders.vscode.dev/redirect/mcp/install"
    return {
        "cursor": f"https://cursor.com/install-mcp?{cursor}",
        "vscode": f"{redirect}?{query}",
        "vscode-insiders": f"{redirect}?{query}&quality=insiders",
    }


def _entry(key: str, server: Server, name: str) -> Entry:
    """The entry that a client gets, with the setting that its limit on tools asks for."""
    client = BY_KEY[key]
    return entry_of(client.form, client.adapted(server), name)


def _inputs(server: Server, name: str) -> list[Entry]:
    """What VS Code must be told about each secret."""
    return inputs_of(BY_KEY["vscode"].form, server, name)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
