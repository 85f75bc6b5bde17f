"""What a client is to connect to: a program that it starts, or an address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SERVER_NAME = "portkey"
"""The name under which clients know the server; it begins the names that models see of tools."""
PROGRAM = "portkey-admin-mcp"
KEY_VARIABLE = "PORTKEY_API_KEY"
TOKEN_VARIABLE = "PORTKEY_ADMIN_MCP_TOKEN"  # noqa: S105  # the name of a variable, not a token
KEY_HEADER = "X-Portkey-Api-Key"


@dataclass(frozen=True)
class Secret:
    """A value that the client takes from the environment, or asks for."""

    variable: str
    value: str | None = None
    """The value itself, only if it is to be written into the file."""
    label: str = "Portkey API key"
    """What a client that asks for it shows."""

    def written(self, reference: Callable[["Secret"], str]) -> str:
        """The value, or the client's reference to it."""
        return reference(self) if self.value is None else self.value


@dataclass(frozen=True)
class LocalServer:
    """A program that the client starts, and talks to on its standard input and output."""

    command: str
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are no secrets, with their values."""
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class HostedServer:
    """The address of a service."""

    url: str
    token: Secret | None = None
    """Sent as bearer token; without one, the client signs in, or none is needed."""
    key: Secret | None = None
    """The caller's own Portkey key, for services that ask for it."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The token and the key, if they are sent."""
        return tuple(secret for secret in (self.token, self.key) if secret is not None)


Server = LocalServer | HostedServer


def token_secret(value: str | None = None) -> Secret:
    """The bearer token of a hosted service."""
    return Secret(TOKEN_VARIABLE, value, "Token of the Portkey admin server")


def references(secrets: tuple[Secret, ...], reference: Callable[[Secret], str]) -> dict[str, str]:
    """The variables of secrets, with their values or the client's references to them."""
    return {secret.variable: secret.written(reference) for secret in secrets}


def headers(server: HostedServer, reference: Callable[[Secret], str]) -> dict[str, str]:
    """The headers that carry the secrets of a hosted server."""
    sent = {}
    if server.token is not None:
        sent["Authorization"] = f"Bearer {server.token.written(reference)}"
    if server.key is not None:
        sent[KEY_HEADER] = server.key.written(reference)
    return sent
