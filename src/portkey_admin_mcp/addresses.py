"""Addresses: which are public, which are this machine, and which may be trusted."""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # recognised, not bound
LOCAL = ("localhost", "127.0.0.1", "::1")
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain")
CARRIERS = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96")))
"""IPv6 networks whose last 32 bits are an IPv4 address."""


def check_url(name: str, url: str, *, public: bool = False) -> None:
    """A whole https address, or http on this machine; `public` allows nothing between these."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
        parts = urlsplit("")
    if not host or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{name} must be a whole address like https://mcp.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOCAL):
        raise ValueError(f"{name} must be https, or http on this machine")
    if public and host not in LOCAL and is_private(host):
        raise ValueError(f"{name} is a private or local address; it must be a public one")


def check_network(text: str) -> None:
    """An address, or a network in CIDR form."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "MCP_TRUST_PROXY must hold addresses or networks, like 10.0.0.0/8"
        ) from None


def check_redis_url(url: str) -> None:
    """An address of a Redis, with or without TLS."""
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("MCP_REDIS_URL must start with redis:// or rediss://")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether this host is, by its own spelling, not on the public internet."""
    name = host.rstrip(".").lower()
    try:
        address: Any = ipaddress.ip_address(name)
    except ValueError:
        try:
            # The C library also reads 127.1, 0x7f.1 and 2130706433 as addresses.
            address = ipaddress.ip_address(socket.inet_aton(name))
        except (OSError, ValueError):
            # A name without a dot is in the local network, or in /etc/hosts.
            return "." not in name or name.endswith(LOCAL_SUFFIXES)
    if address.version == 6:
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        inside = carried if any(address in network for network in CARRIERS) else address.sixtofour
        address = inside or address
    return not address.is_global or address.is_multicast
