"""The addresses of servers: an address that cannot be used ends the command with the cure."""

import errno
import os
import socket
from typing import Any

import click

OTHER_PORT = "choose another with --port"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; ends the command with exit code 1 if it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise _cannot_listen(
            error, host, port, f"{OTHER_PORT}, or a free one with --port 0"
        ) from None


def require_free(host: str, port: int) -> None:
    """End the command with exit code 1 if a server could not listen on each address of a host.

    Uvicorn would only log the error of the operating system.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _kind, _protocol, _name, address in addresses:
            _try(family, address, is_only=len(addresses) == 1)
    except OSError as error:
        raise _cannot_listen(error, host, port, f"{OTHER_PORT} or MCP_PORT") from None


def _try(family: int, address: Any, *, is_only: bool) -> None:
    """Take an address as asyncio does, without listening, and give it back. Raises OSError."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        # Of several addresses, the server leaves out one that this machine does not have.
        is_away = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        if is_only or not is_away:
            raise


def _cannot_listen(error: OSError, host: str, port: int, cure: str) -> click.ClickException:
    if error.errno == errno.EADDRINUSE:
        return click.ClickException(f"port {port} of {host} is in use by another program; {cure}")
    return click.ClickException(
        f"cannot listen on {host}, port {port}: {error.strerror or error}; choose others with "
        "--host and --port"
    )
