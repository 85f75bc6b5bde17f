"""The settings of the hosted HTTP service: sessions, events, limits, and those of its bases."""

import base64
import binascii
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, model_validator

from .addresses import check_redis_url
from .hosting_keys import HostingKeys
from .settings import read_settings


class Hosting(HostingKeys):
    """The settings of the HTTP service. Created once by a command, immutable, and passed down."""

    session_mode: Literal["stateful", "stateless"] = Field(
        "stateful",
        validation_alias="MCP_SESSION_MODE",
        description="Whether sessions are kept. `stateless` is for several instances or "
        "workers: any of them can answer any request.",
    )
    max_connections: int = Field(
        800,
        ge=1,
        validation_alias="MCP_MAX_CONNECTIONS",
        description="Maximum number of open connections of one process. One more is answered "
        "503 with Retry-After. Each connection takes a file descriptor, so keep it below "
        "`ulimit -n`.",
    )
    max_sessions: int = Field(
        100,
        ge=1,
        validation_alias="MCP_MAX_SESSIONS",
        description="Maximum number of open sessions. For one more, the session that was not used "
        "for longest ends; its client gets 404 and opens a new one. If all have calls in flight, "
        "the new one is answered 503 with Retry-After.",
    )
    max_sessions_per_principal: int | None = Field(
        None,
        ge=1,
        validation_alias="MCP_MAX_SESSIONS_PER_PRINCIPAL",
        description="Maximum number of open sessions of one principal. For one more, its own "
        "session that was not used for longest ends. If all have calls in flight, the new one is "
        "answered 429. If not set, a quarter of MCP_MAX_SESSIONS, or all of them if there is only "
        "one principal.",
        examples=["25"],
    )
    session_timeout_ms: int = Field(
        3_600_000,
        ge=1000,
        validation_alias="MCP_SESSION_TIMEOUT",
        description="Time after which a session without requests ends, in milliseconds.",
    )
    event_store: Literal["off", "memory", "redis"] = Field(
        "off",
        validation_alias="MCP_EVENT_STORE",
        description="Where events are kept for clients that reconnect with Last-Event-ID: "
        "nowhere, in this process, or in Redis.",
    )
    event_ttl_s: int = Field(
        3600,
        ge=1,
        validation_alias="MCP_EVENT_TTL_SECONDS",
        description="Time for which an event is kept, in seconds.",
    )
    event_max_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        validation_alias="MCP_EVENT_MAX_BYTES",
        description="Maximum size of all events kept in memory, in bytes; the oldest are "
        "removed first. In Redis, its own `maxmemory` limits them.",
    )
    event_max_bytes_per_principal: int = Field(
        16_777_216,
        ge=1_048_576,
        validation_alias="MCP_EVENT_MAX_BYTES_PER_PRINCIPAL",
        description="Maximum size of one principal's events kept in memory, in bytes; the "
        "oldest are removed first.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("MCP_REDIS_URL", "REDIS_URL"),
        description="The URL of the Redis for events and rate limits, with redis://, "
        "rediss:// or unix://. Required if MCP_EVENT_STORE or RATE_LIMIT_STORE is `redis`, else "
        "ignored.",
        examples=["redis://127.0.0.1:6379/0"],
    )
    redis_prefix: str = Field(
        "portkey-admin-mcp",
        pattern=r"^[A-Za-z0-9:_.-]{1,64}$",
        validation_alias="MCP_REDIS_KEY_PREFIX",
        description="Prefix of every key in Redis: up to 64 letters, digits, colons, dots, "
        "hyphens and underscores.",
        examples=["portkey-admin-mcp"],
    )
    event_key: SecretStr | None = Field(
        None,
        validation_alias="MCP_EVENT_ENCRYPTION_KEY",
        description="The key that encrypts events in Redis (AES-GCM): 32 bytes in base64. "
        "Required if MCP_EVENT_STORE is `redis`. Create one with `openssl rand -base64 32`.",
    )
    redis_timeout_ms: int = Field(
        5000,
        ge=1,
        validation_alias="MCP_EVENT_STORE_COMMAND_TIMEOUT_MS",
        description="Timeout of one Redis command, in milliseconds.",
    )
    rate_limit: bool = Field(
        True,
        validation_alias="RATE_LIMIT_ENABLED",
        description="Limit the number of requests of each address and each principal.",
    )
    rate_window_ms: int = Field(
        60_000,
        ge=1000,
        validation_alias="RATE_LIMIT_WINDOW_MS",
        description="Time over which requests are counted, in milliseconds.",
    )
    rate_per_address: int = Field(
        300,
        ge=1,
        validation_alias="RATE_LIMIT_MAX_REQUESTS",
        description="Maximum number of requests of one IP address in RATE_LIMIT_WINDOW_MS, "
        "checked before authentication.",
        examples=["300"],
    )
    rate_per_principal: int = Field(
        600,
        ge=1,
        validation_alias="RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL",
        description="Maximum number of requests of one principal in RATE_LIMIT_WINDOW_MS, "
        "checked after authentication.",
        examples=["600"],
    )
    rate_store: Literal["memory", "redis"] = Field(
        "memory",
        validation_alias="RATE_LIMIT_STORE",
        description="Where requests are counted. Use `redis` for several instances or workers.",
    )
    ready_check: Literal["local", "portkey"] = Field(
        "local",
        validation_alias="MCP_READY_CHECK_MODE",
        description="What `/ready` checks: only this service, or also that Portkey answers.",
    )
    transport: str | None = Field(
        None,
        validation_alias="MCP_TRANSPORT",
        description="Accepted for compatibility and ignored: the command decides. A "
        "contradiction is logged.",
    )
    max_body_bytes: int = Field(
        1_048_576,
        ge=1024,
        validation_alias="MCP_MAX_BODY_BYTES",
        description="Maximum size of a request body, in bytes. A larger one is answered 413.",
    )
    shutdown_timeout_ms: int = Field(
        10_000,
        ge=0,
        validation_alias="MCP_SHUTDOWN_TIMEOUT_MS",
        description="Time that running calls have to finish when the service is stopped, in "
        "milliseconds.",
    )
    metrics: bool = Field(
        False,
        validation_alias="MCP_METRICS",
        description="Serve Prometheus metrics at `/metrics`, without authentication.",
        examples=["true"],
    )

    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ),
        description="The URL of an OpenTelemetry collector for traces and metrics (OTLP over "
        "HTTP). Needs the extra `otel`. Other OTEL_ variables work as usual.",
    )

    @model_validator(mode="after")
    def _check_redis(self) -> Self:
        if self.uses_redis and self.redis_url is None:
            raise ValueError(
                "MCP_REDIS_URL must be set to use Redis, for example redis://127.0.0.1:6379/0"
            )
        if self.redis_url is not None and self.uses_redis:
            check_redis_url(self.redis_url.get_secret_value())
        if self.event_store == "redis" and len(self.event_secret) != 32:
            raise ValueError(
                "MCP_EVENT_ENCRYPTION_KEY must be 32 bytes in base64 when "
                "MCP_EVENT_STORE=redis; make one with: openssl rand -base64 32"
            )
        return self

    @property
    def uses_redis(self) -> bool:
        """Whether events or counts of requests are kept in Redis."""
        return "redis" in (self.event_store, self.rate_store)

    @property
    def secrets(self) -> list[str]:
        """The texts to mask in logs; an address may hold a password."""
        values = [self.redis_url, self.event_key]
        return [
            *self.tokens.values(),
            *(key.get_secret_value() for key in self.caller_keys.values()),
            *(value.get_secret_value() for value in values if value is not None),
            *self._redis_passwords(),
        ]

    def _redis_passwords(self) -> set[str]:
        """The password of Redis, as the URL contains it and as it is sent; empty if none."""
        url = self.redis_url.get_secret_value() if self.redis_url and self.uses_redis else ""
        password = urlsplit(url).password or ""
        return {password, unquote(password)}

    @property
    def session_share(self) -> int:
        """Maximum number of open sessions of one principal."""
        if self.max_sessions_per_principal is not None:
            return self.max_sessions_per_principal
        is_shared = self.issuer is not None or len(self.tokens) > 1
        return max(1, self.max_sessions // 4) if is_shared else self.max_sessions

    @property
    def event_secret(self) -> bytes:
        """The key that encrypts events in Redis; empty if not set or not valid base64."""
        try:
            return base64.b64decode(self.event_key.get_secret_value()) if self.event_key else b""
        except binascii.Error:
            return b""


def load_hosting(env_file: Path | None = None, **overrides: Any) -> Hosting:
    """Read the settings of the HTTP service; see `settings.load_settings`."""
    return read_settings(Hosting, env_file, overrides)
