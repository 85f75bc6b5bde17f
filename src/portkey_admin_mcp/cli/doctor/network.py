"""The way to Portkey: its name, the proxy, certificates, its answer, and the clock."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ...portkey.proxies import DEFAULT_PORTS, proxy_for
from ...portkey.transport import Network, tls_context
from ...settings.settings import Settings
from .findings import Area, Finding

AREA = Area("network")
TIMEOUT_S = 10.0
"""Seconds that each step may take."""
MAX_SKEW_S = 60
"""A clock that differs by more makes sign-in tokens and the ends of time ranges wrong."""
MIN_CERTIFICATE_DAYS = 14


async def check_network(settings: Settings) -> AsyncIterator[Finding]:
    """Each step to the API of Portkey; the first that fails is the last that is tried."""
    parts = urlsplit(settings.base_url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        proxy = proxy_for(settings.base_url)
    except ConfigurationError as error:
        yield AREA.failed("proxy", str(error), "Correct or unset the variable of the proxy.")
        return
    if proxy is not None:
        through = urlsplit(proxy)
        host, port = through.hostname or "", through.port or DEFAULT_PORTS[through.scheme]
        yield AREA.ok("proxy", f"through {through.scheme}://{host}:{port}")
    else:
        yield AREA.ok("proxy", f"none for {parts.hostname}")
    finding = await resolved(host, port, where_named(settings, has_proxy=proxy is not None))
    yield finding
    if finding.state == "failed":
        return
    if parts.scheme == "https" and proxy is None:
        finding = await _certificate(settings, host, port)
        yield finding
        if finding.state == "failed":
            return
    elif parts.scheme == "https":
        yield AREA.skipped("TLS", "the proxy passes it on; the next check includes it")
    else:
        yield AREA.skipped("TLS", "PORTKEY_BASE_URL is http")
    async for finding in _answer(settings):
        yield finding


def where_named(settings: Settings, *, has_proxy: bool) -> str:
    """The setting that names the host; empty if it is the default."""
    if has_proxy:
        return "the variable of the proxy"
    return "PORTKEY_BASE_URL" if "base_url" in settings.sources else ""


async def resolved(host: str, port: int, where_named: str) -> Finding:
    """Whether the name of a host has an address."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return AREA.failed(
            "DNS", f"{host}: no answer in {TIMEOUT_S:.0f} s", "Check the DNS server."
        )
    except OSError as error:
        cure = (
            f"Check the name in {where_named}, and the DNS server."
            if where_named
            else "Check this machine's network and its DNS server; if a proxy is needed, name it "
            "in HTTPS_PROXY."
        )
        return AREA.failed("DNS", f"{host}: {error.strerror or error}", cure)
    addresses = sorted({str(each[4][0]) for each in answers})
    return AREA.ok("DNS", f"{host} is {', '.join(addresses[:4])}")


async def _certificate(settings: Settings, host: str, port: int) -> Finding:
    """Whether a TLS connection can be made, and how long the certificate is valid."""
    try:
        context = tls_context(settings)
    except ConfigurationError as error:
        return AREA.failed("TLS", str(error), "Correct or unset SSL_CERT_FILE and SSL_CERT_DIR.")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _reader, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=host
            )
    except ssl.SSLCertVerificationError as error:
        return AREA.failed(
            "TLS",
            f"the certificate of {host} is not trusted: {error.verify_message}",
            "If your network replaces certificates, name a file with its authority in "
            "SSL_CERT_FILE.",
        )
    except TimeoutError:
        return AREA.failed(
            "TLS",
            f"{host}:{port} does not answer within {TIMEOUT_S:.0f} s",
            "A firewall may drop the connection: allow it, or set HTTPS_PROXY.",
        )
    except (OSError, ssl.SSLError) as error:
        return AREA.failed(
            "TLS",
            f"{host}:{port}: {error.strerror or error}",
            "Check PORTKEY_BASE_URL, the network, and whether HTTPS_PROXY is needed.",
        )
    peer = writer.get_extra_info("ssl_object")
    version, certificate = peer.version(), peer.getpeercert() or {}
    writer.close()
    days = _days_left(str(certificate.get("notAfter", "")))
    detail = f"{version}; the certificate of {host} is valid for {days} days"
    if days < MIN_CERTIFICATE_DAYS:
        return AREA.warning("TLS", detail, "Tell those who run this host.")
    return AREA.ok("TLS", detail)


def _days_left(text: str) -> int:
    try:
        return int((ssl.cert_time_to_seconds(text) - time.time()) / 86_400)
    except ValueError:
        return 0


async def _answer(settings: Settings) -> AsyncIterator[Finding]:
    """Whether Portkey answers a request without a key, and whether its clock agrees with ours."""
    network = Network(settings)
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status, headers, content = await network("GET", "/v1/admin/workspaces", {}, None)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        yield AREA.failed(
            "answer",
            f"{settings.base_url}: {error or type(error).__name__}",
            "Check PORTKEY_BASE_URL, the network and the proxy.",
        )
        return
    finally:
        await network.close()
    elapsed_ms = (time.perf_counter() - started) * 1000
    detail = f"{settings.base_url} answers in {elapsed_ms:.0f} ms"
    if status in (401, 403) and content.lstrip()[:1] == b"{":
        yield AREA.ok("answer", detail)
    else:
        yield AREA.warning(
            "answer",
            f"{detail} with {status}; Portkey answers a request without a key with 401",
            "Check that PORTKEY_BASE_URL is the address of Portkey's API; for Portkey's own "
            "service it ends in /v1.",
        )
    yield _clock(headers.get("date", ""), datetime.now(UTC))


def _clock(date: str, now: datetime) -> Finding:
    """Whether our clock agrees with the time in an answer."""
    try:
        skew_s = (now - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return AREA.skipped("clock", "the answer tells no time")
    if abs(skew_s) > MAX_SKEW_S:
        side = "ahead of" if skew_s > 0 else "behind"
        return AREA.warning(
            "clock",
            f"this clock is {abs(skew_s):.0f} s {side} that of Portkey",
            "Switch on the time synchronisation of this machine.",
        )
    return AREA.ok("clock", "agrees with that of Portkey within a minute")
