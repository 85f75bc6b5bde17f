"""The settings of the HTTP service's address: where it listens, its names, and TLS."""

from typing import Self

from pydantic import AliasChoices, Field, FilePath, model_validator

from .addresses import WILDCARD_HOSTS, check_network, check_url, is_loopback
from .environment import CommaSeparated, EnvironmentSettings


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
        description="The TCP port to listen on.",
        examples=["3000"],
    )
    allowed_origins: CommaSeparated = Field(
        (),
        validation_alias="ALLOWED_ORIGINS",
        description="Origins of web pages that may call, such as https://chat.example.com. "
        "Requests with another Origin header are answered 403.",
        examples=["https://chat.example.com"],
    )
    allowed_hosts: CommaSeparated = Field(
        (),
        validation_alias="MCP_ALLOWED_HOSTS",
        description="Accepted Host headers, in addition to loopback, MCP_HOST and the host of "
        "MCP_PUBLIC_BASE_URL. Requests with another one are answered 421.",
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

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if (self.tls_key is None) != (self.tls_cert is None):
            raise ValueError("MCP_TLS_KEY_PATH and MCP_TLS_CERT_PATH must be set together")
        if self.tls_ca and not self.tls_cert:
            raise ValueError("MCP_TLS_CA_PATH needs MCP_TLS_CERT_PATH and MCP_TLS_KEY_PATH")
        if self.public_base_url is not None:
            check_url("MCP_PUBLIC_BASE_URL", self.public_base_url)
        for origin in self.allowed_origins:
            check_url("ALLOWED_ORIGINS", origin)
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
