"""Checks of hosts, URLs and networks: whether they are valid, public, private or loopback."""

import ipaddress
import re
import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit

DEFAULT_BASE_URL = "https://api.portkey.ai/v1"
WILDCARD_HOSTS = ("0.0.0.0", "::")  # noqa: S104  # recognised, not bound
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain")
IPV6_NETWORKS_WITH_IPV4 = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))
)
"""IPv6 networks whose last 32 bits are an IPv4 address."""

HOST_HEADER = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""A Host header: a name or an address, IPv6 in brackets, and perhaps a port."""
HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
APP_ORIGIN = re.compile(
    r"(chrome-extension|moz-extension|safari-web-extension|vscode-webview)://[A-Za-z0-9-]+"
)
"""The origin of pages of a browser extension or an editor, whose host is its id."""


def check_url(name: str, url: str, *, public: bool = False) -> None:
    """Require an https URL, or http on loopback; with `public`, refuse private addresses too.

    `name` is the setting that the ValueError names.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
        parts = urlsplit("")
    if not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            f"{name} must be a full URL like https://mcp.example.com, "
            "without user, query or fragment"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        raise ValueError(f"{name} must be https, or http on a loopback address")
    if public and host not in LOOPBACK_HOSTS and is_private(host):
        raise ValueError(f"{name} is a private or local address; it must be a public one")


def check_address(name: str, url: str, private: bool, insecure: bool) -> None:
    """Check a URL that the key is sent to; raises ValueError unless it is https and public.

    `private` and `insecure` allow the exceptions, and `name` is the setting that errors name. Only
    IP addresses and well-known local names count as private: no name is resolved, because the
    operator controls its address.
    """
    if not re.fullmatch("[!-~]+", url):
        raise ValueError(
            f"{name} contains a space, a line break or a character that is not ASCII; "
            f"write it like {DEFAULT_BASE_URL}, an international name in its xn-- form"
        )
    if set("@#") & set(url) or ("?" in url and name.startswith("PORTKEY_")):
        raise ValueError(f"{name} must contain no user, password, query or fragment")
    try:
        parts = urlsplit(url)
        host, _port = _host(parts), parts.port
    except ValueError:
        raise ValueError(
            f"{name} must be a full URL that starts with https://, like {DEFAULT_BASE_URL}"
        ) from None
    if parts.scheme == "http" and not insecure:
        raise ValueError(
            f"{name} must be https; set PORTKEY_ALLOW_INSECURE_HTTP=true to send the "
            "key without TLS"
        )
    if not private and is_private(host):
        raise ValueError(
            f"{name} is a private or local address; set "
            "PORTKEY_ALLOW_PRIVATE_BASE_URL=true if Portkey runs there"
        )


def check_origin(name: str, origin: str) -> None:
    """Require the origin of a web page, a browser extension or an editor.

    `name` is the setting that the ValueError names.
    """
    if not APP_ORIGIN.fullmatch(origin.rstrip("/")):
        check_url(name, origin)


def check_host(host: str) -> None:
    """Require one host as a Host header names it, with or without a port; raises ValueError."""
    is_plain = HOST_HEADER.fullmatch(host) or _is_address(host)
    if not is_plain or host in WILDCARD_HOSTS:
        raise ValueError(
            "MCP_ALLOWED_HOSTS must be host names or IP addresses, like mcp.example.com: no "
            "URLs, no networks, and no wildcards, because then any website could call this "
            "service under a name of its own"
        )


def check_network(text: str) -> None:
    """Require an IP address or a network in CIDR form; raises ValueError."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "MCP_TRUST_PROXY must be IP addresses or networks, like 10.0.0.0/8"
        ) from None


def check_redis_url(url: str) -> None:
    """Require a Redis URL: redis, rediss or unix; raises ValueError."""
    try:
        parts = urlsplit(url)
        _port, scheme = parts.port, parts.scheme
    except ValueError:
        scheme = ""
    if scheme not in ("redis", "rediss", "unix"):
        raise ValueError(
            "MCP_REDIS_URL must start with redis://, rediss:// or unix://, like "
            "redis://127.0.0.1:6379/0"
        )


def _host(parts: SplitResult) -> str:
    """The host of an http or https URL; raises ValueError if it is missing or not valid."""
    host = parts.hostname or ""
    if "[" in parts.netloc:
        host = str(ipaddress.IPv6Address(host))
    elif not HOST_NAME.fullmatch(host):
        raise ValueError("no host")
    if parts.scheme not in ("http", "https"):
        raise ValueError("no scheme")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether a host is an address, or a well-known name, outside the public internet."""
    name = host.rstrip(".").lower()
    try:
        address: Any = ipaddress.ip_address(name)
    except ValueError:
        try:
            # The C library also reads 127.1, 0x7f.1 and 2130706433 as addresses.
            address = ipaddress.ip_address(socket.inet_aton(name))
        except (OSError, ValueError):
            # A name without a dot is only known in the local network or in /etc/hosts.
            return "." not in name or name.endswith(LOCAL_SUFFIXES)
    if address.version == 6:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        ipv4 = (
            embedded
            if any(address in network for network in IPV6_NETWORKS_WITH_IPV4)
            else address.sixtofour
        )
        address = ipv4 or address
    return not address.is_global or address.is_multicast
