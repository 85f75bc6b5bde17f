"""Which addresses a hosted service may have, announce, and trust."""

import ipaddress
from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")


def check_url(name: str, url: str) -> None:
    """A whole https address, or http on this machine."""
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
