"""Which proxy a request goes through, by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""

import ipaddress
import re
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from ..errors import ConfigurationError

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_AND_PORT = re.compile(r"(?:\[(?P<bracketed>[^]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d+))?")
"""`host`, `host:8443`, `[fd00::1]` or `[fd00::1]:8443`."""


def proxy_for(url: str) -> str | None:
    """The URL of the proxy for an address, or None for a direct connection.

    Raises ConfigurationError if the variable holds something else than the URL of a proxy.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    if _is_exempt(host, port):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    # HOST:PORT is accepted too, as other programs do.
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_web_address(address):
        raise ConfigurationError(
            "The proxy named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: correct it "
            "to http://HOST:PORT, or unset it."
        )
    return address


def _is_exempt(host: str, port: int) -> bool:
    """Whether NO_PROXY, or the system if there is no such variable, exempts a host."""
    exemptions = getproxies_environment().get("no")
    if exemptions is None:
        return bool(proxy_bypass(host))
    return any(_matches(entry, host, port) for entry in exemptions.lower().split(","))


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY stands for a host.

    Entries are `*`, `name` (also for the names below it), `.suffix` and `*.suffix`, an address, a
    network like `10.0.0.0/8` or `[fd00::]/8`, and any but the network with a `:port`.
    """
    entry = entry.strip()
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        return address is not None and _contains(entry, address)
    if (exempt := _address(entry)) is not None:  # an IPv6 address without brackets, too
        return address == exempt
    match = HOST_AND_PORT.fullmatch(entry)
    if match is None or (match["port"] and int(match["port"]) != port):
        return False
    name = match["bracketed"] or match["host"] or ""
    if (exempt := _address(name)) is not None:
        return address == exempt
    suffix = name.removeprefix("*").lstrip(".").rstrip(".")
    bare = host.lower().rstrip(".")
    is_itself = bare == suffix and not name.startswith("*")
    return bool(suffix) and (is_itself or bare.endswith(f".{suffix}"))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(
            network.replace("[", "").replace("]", ""), strict=False
        )
    except ValueError:
        return False


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
