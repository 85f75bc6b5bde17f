"""The settings of the HTTP service's address: where it listens, its names, and TLS."""

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import AliasChoices, Field, FilePath, model_validator

from .addresses import (
    WILDCARD_HOSTS,
    check_host,
    check_network,
    check_origin,
    check_url,
    is_loopback,
)
from .environment import CommaSeparated, EnvironmentSettings, WhyIgnored

SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*")
"""What Kubernetes sets NAME_PORT to in every pod, for each service NAME of the namespace."""


class HostingAddress(EnvironmentSettings):
    """Where the service listens, and at which URL, hosts and origins it is called."""

    host: str = Field(
        "127.0.0.1",
        validation_alias="MCP_HOST",
        description="The host name or IP address to listen on.",
        examples=["0.0.0.0"],  # noqa: S104  # shown, not used
    )
    port: int = Field(
        3000,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("MCP_PORT", "PORT"),
        description="The TCP port to listen on. `tcp://…`, which Kubernetes sets if there is a "
        "service named `mcp`, is ignored with a warning.",
        examples=["3000"],
    )
    allowed_origins: CommaSeparated = Field(
        (),
        validation_alias="ALLOWED_ORIGINS",
        description="Origins of web pages that may call, such as https://chat.example.com, "
        "and of browser extensions and editors: chrome-extension://ID, moz-extension://ID, "
        "safari-web-extension://ID, vscode-webview://ID. Requests with another Origin header "
        "are answered 403.",
        examples=["https://chat.example.com"],
    )
    allowed_hosts: CommaSeparated = Field(
        (),
        validation_alias="MCP_ALLOWED_HOSTS",
        description="Accepted Host headers, in addition to loopback, MCP_HOST and the host of "
        "MCP_PUBLIC_BASE_URL: host names or IP addresses; no URLs, networks or wildcards. "
        "Requests with another one are answered 421.",
        examples=["mcp.example.com"],
    )
    trust_proxy: CommaSeparated = Field(
        (),
        validation_alias="MCP_TRUST_PROXY",
        description="IP addresses or CIDR networks of the proxies in front. Their "
        "X-Forwarded-For and X-Forwarded-Proto headers are used; those of anybody else are "
        "ignored.",
        examples=["10.0.0.0/8"],
    )
    public_base_url: str | None = Field(
        None,
        validation_alias="MCP_PUBLIC_BASE_URL",
        description="The URL at which clients reach this service, without /mcp. If not set, "
        "it is made from MCP_HOST and MCP_PORT, never from a request.",
        examples=["https://mcp.example.com"],
    )
    tls_key: FilePath | None = Field(
        None,
        validation_alias="MCP_TLS_KEY_PATH",
        description="Path of the private key for HTTPS, in PEM. Needs MCP_TLS_CERT_PATH.",
    )
    tls_cert: FilePath | None = Field(
        None,
        validation_alias="MCP_TLS_CERT_PATH",
        description="Path of the certificate chain for HTTPS, in PEM. Needs MCP_TLS_KEY_PATH.",
    )
    tls_ca: FilePath | None = Field(
        None,
        validation_alias="MCP_TLS_CA_PATH",
        description="Path of the certificate authorities of client certificates, in PEM. If "
        "set, every client must present a certificate.",
    )

    why_ignored: ClassVar[Mapping[str, WhyIgnored]] = {
        "MCP_PORT": lambda value: (
            "Kubernetes sets it for a service named mcp; set it to a number in the pod, or "
            "enableServiceLinks to false"
            if SERVICE_LINK.fullmatch(value)
            else None
        ),
    }

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if (self.tls_key is None) != (self.tls_cert is None):
            raise ValueError("MCP_TLS_KEY_PATH and MCP_TLS_CERT_PATH must be set together")
        if self.tls_ca and not self.tls_cert:
            raise ValueError("MCP_TLS_CA_PATH needs MCP_TLS_CERT_PATH and MCP_TLS_KEY_PATH")
        if self.public_base_url is not None:
            check_url("MCP_PUBLIC_BASE_URL", self.public_base_url)
            if self.base_url.endswith("/mcp"):
                raise ValueError(
                    "MCP_PUBLIC_BASE_URL ends with /mcp, the path of the endpoint, which is "
                    "added to it; write it without, like https://mcp.example.com"
                )
        for origin in self.allowed_origins:
            check_origin("ALLOWED_ORIGINS", origin)
        for host in self.allowed_hosts:
            check_host(host)
        for network in self.trust_proxy:
            check_network(network)
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def base_url(self) -> str:
        """The URL at which clients reach this service, without a final slash."""
        if self.public_base_url:
            return self.public_base_url.rstrip("/")
        scheme = "https" if self.tls_cert else "http"
        # Wildcard addresses name no host.
        host = "localhost" if self.host in WILDCARD_HOSTS else self.host
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}:{self.port}"
