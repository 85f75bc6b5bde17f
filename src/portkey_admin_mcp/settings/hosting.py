"""The settings of the hosted HTTP service: authentication, sessions, limits."""

import base64
import binascii
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator

from .addresses import check_redis_url, check_url
from .hosting_address import HostingAddress
from .settings import CommaSeparated, read_settings


class Hosting(HostingAddress):
    """How the tools are served over HTTP. Made once in `__main__`, frozen, and handed down."""

    session_mode: Literal["stateful", "stateless"] = Field(
        "stateful",
        validation_alias="MCP_SESSION_MODE",
        description="`stateless` for several instances or workers: nothing then depends on which "
        "one answers.",
    )
    max_connections: int = Field(
        800,
        ge=1,
        validation_alias="MCP_MAX_CONNECTIONS",
        description="Open connections of one process at most; one more is answered 503 with "
        "Retry-After. Each takes a file descriptor: keep it below `ulimit -n`.",
    )
    max_sessions: int = Field(
        100,
        ge=1,
        validation_alias="MCP_MAX_SESSIONS",
        description="Open sessions at most; one more is answered 503 with Retry-After.",
    )
    max_sessions_per_principal: int | None = Field(
        None,
        ge=1,
        validation_alias="MCP_MAX_SESSIONS_PER_PRINCIPAL",
        description="Open sessions of one principal at most; one more is answered 429. If not set: "
        "a quarter of MCP_MAX_SESSIONS, or all of them where there is one principal only.",
        examples=["25"],
    )
    session_timeout_ms: int = Field(
        3_600_000,
        ge=1000,
        validation_alias="MCP_SESSION_TIMEOUT",
        description="Milliseconds after which a session without requests ends.",
    )
    event_store: Literal["off", "memory", "redis"] = Field(
        "off",
        validation_alias="MCP_EVENT_STORE",
        description="Where events are kept for clients that come back with Last-Event-ID.",
    )
    event_ttl_s: int = Field(
        3600,
        ge=1,
        validation_alias="MCP_EVENT_TTL_SECONDS",
        description="Seconds an event is kept.",
    )
    event_max_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        validation_alias="MCP_EVENT_MAX_BYTES",
        description="Bytes of events kept in memory at most; the oldest go first. In Redis its "
        "`maxmemory` decides.",
    )
    event_max_bytes_per_principal: int = Field(
        16_777_216,
        ge=1_048_576,
        validation_alias="MCP_EVENT_MAX_BYTES_PER_PRINCIPAL",
        description="Bytes of one principal's events kept in memory at most; the oldest go first.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("MCP_REDIS_URL", "REDIS_URL"),
        description="The Redis of event store and rate limits: redis:// or rediss://.",
        examples=["redis://127.0.0.1:6379/0"],
    )
    redis_prefix: str = Field(
        "portkey-admin-mcp",
        pattern=r"^[A-Za-z0-9:_.-]{1,64}$",
        validation_alias="MCP_REDIS_KEY_PREFIX",
        description="What every key in Redis begins with.",
        examples=["portkey-admin-mcp"],
    )
    event_key: SecretStr | None = Field(
        None,
        validation_alias="MCP_EVENT_ENCRYPTION_KEY",
        description="32 bytes in base64, with which events are encrypted in Redis (AES-GCM); "
        "required there. Make one: `openssl rand -base64 32`.",
    )
    redis_timeout_ms: int = Field(
        5000,
        ge=1,
        validation_alias="MCP_EVENT_STORE_COMMAND_TIMEOUT_MS",
        description="Milliseconds a command to Redis may take.",
    )
    auth_mode: Literal["none", "bearer", "clerk"] = Field(
        "none",
        validation_alias="MCP_AUTH_MODE",
        description="Who may call. `none` is refused but on a loopback address with "
        "MCP_ALLOW_UNAUTHENTICATED_HTTP, or in the sandbox there.",
    )
    allow_unauthenticated: bool = Field(
        False,
        validation_alias="MCP_ALLOW_UNAUTHENTICATED_HTTP",
        description="Serve everybody who reaches a loopback address.",
        examples=["true"],
    )
    auth_token: SecretStr | None = Field(
        None,
        validation_alias="MCP_AUTH_TOKEN",
        description="The bearer token of the principal `default`.",
    )
    auth_tokens: dict[str, SecretStr] = Field(
        {},
        validation_alias="MCP_AUTH_TOKENS",
        description="More bearer tokens, as JSON: the principal's name, then its token.",
        examples=['{"ada": "…", "ci": "…"}'],
    )
    clerk_issuer: str | None = Field(
        None,
        validation_alias="CLERK_ISSUER",
        description="The issuer of Clerk's tokens; its keys are read from "
        "ISSUER/.well-known/jwks.json.",
        examples=["https://example.clerk.accounts.dev"],
    )
    clerk_audience: CommaSeparated = Field(
        (), validation_alias="CLERK_AUDIENCE", description="Audiences of which a token has one."
    )
    clerk_subjects: CommaSeparated = Field(
        (),
        validation_alias="CLERK_ALLOWED_SUBJECTS",
        description="Users who may call; all if empty.",
    )
    clerk_organisations: CommaSeparated = Field(
        (),
        validation_alias="CLERK_ALLOWED_ORGANIZATION_IDS",
        description="Organisations whose users may call; all if empty.",
    )
    clerk_roles: CommaSeparated = Field(
        (), validation_alias="CLERK_ALLOWED_ROLES", description="Roles that may call; all if empty."
    )
    clerk_permissions: CommaSeparated = Field(
        (),
        validation_alias="CLERK_REQUIRED_PERMISSIONS",
        description="Permissions a caller must have, all of them.",
    )
    rate_limit: bool = Field(
        True, validation_alias="RATE_LIMIT_ENABLED", description="Limit how often one may call."
    )
    rate_window_ms: int = Field(
        60_000,
        ge=1000,
        validation_alias="RATE_LIMIT_WINDOW_MS",
        description="Milliseconds over which calls are counted.",
    )
    rate_per_address: int = Field(
        300,
        ge=1,
        validation_alias="RATE_LIMIT_MAX_REQUESTS",
        description="Requests of one address in a window, before authentication.",
        examples=["300"],
    )
    rate_per_principal: int = Field(
        600,
        ge=1,
        validation_alias="RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL",
        description="Requests of one principal in a window, after authentication.",
        examples=["600"],
    )
    rate_store: Literal["memory", "redis"] = Field(
        "memory",
        validation_alias="RATE_LIMIT_STORE",
        description="Where calls are counted; `redis` for several instances or workers.",
    )
    ready_check: Literal["local", "portkey"] = Field(
        "local",
        validation_alias="MCP_READY_CHECK_MODE",
        description="What `/ready` looks at: this service, or also whether Portkey is reached.",
    )
    transport: str | None = Field(
        None,
        validation_alias="MCP_TRANSPORT",
        description="Read for compatibility; the command decides, a contradiction is warned of.",
    )
    max_body_bytes: int = Field(
        1_048_576,
        ge=1024,
        validation_alias="MCP_MAX_BODY_BYTES",
        description="The largest request; a larger one is answered 413.",
    )
    shutdown_timeout_ms: int = Field(
        10_000,
        ge=0,
        validation_alias="MCP_SHUTDOWN_TIMEOUT_MS",
        description="Milliseconds that calls in flight have when the service is told to stop.",
    )
    metrics: bool = Field(
        False,
        validation_alias="MCP_METRICS",
        description="Serve `/metrics` for Prometheus.",
        examples=["true"],
    )

    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ),
        description="Where OpenTelemetry traces and metrics go (OTLP over HTTP); needs the extra "
        "`otel`. Other OTEL_ variables count as usual.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_redis()
        self._check_auth()
        return self

    def _check_redis(self) -> None:
        if "redis" in (self.event_store, self.rate_store) and self.redis_url is None:
            raise ValueError("MCP_REDIS_URL must be set to use Redis: redis://127.0.0.1:6379/0")
        if self.redis_url is not None:
            check_redis_url(self.redis_url.get_secret_value())
        if self.event_store == "redis" and len(self.event_secret) != 32:
            raise ValueError(
                "MCP_EVENT_ENCRYPTION_KEY must be 32 bytes in base64 when "
                "MCP_EVENT_STORE=redis; make one with: openssl rand -base64 32"
            )

    def _check_auth(self) -> None:
        if self.auth_mode == "bearer" and not self.tokens:
            raise ValueError("MCP_AUTH_TOKEN must be set when MCP_AUTH_MODE=bearer")
        if any(len(token) < 16 or not token.isascii() for token in self.tokens.values()):
            raise ValueError(
                "MCP_AUTH_TOKEN must be 16 ASCII characters or longer; make one with: "
                "openssl rand -hex 32"
            )
        if self.auth_mode == "clerk" and not self.clerk_issuer:
            raise ValueError("CLERK_ISSUER must be set when MCP_AUTH_MODE=clerk")
        if self.clerk_issuer is not None:
            check_url("CLERK_ISSUER", self.clerk_issuer, public=True)

    @property
    def tokens(self) -> dict[str, str]:
        """Bearer tokens by the name of their principal."""
        named = {name: token.get_secret_value() for name, token in self.auth_tokens.items()}
        if self.auth_token is not None:
            named["default"] = self.auth_token.get_secret_value()
        return named

    @property
    def session_share(self) -> int:
        """How many of the sessions one principal may have."""
        if self.max_sessions_per_principal is not None:
            return self.max_sessions_per_principal
        is_shared = self.auth_mode == "clerk" or len(self.tokens) > 1
        return max(1, self.max_sessions // 4) if is_shared else self.max_sessions

    @property
    def event_secret(self) -> bytes:
        """The key that events are encrypted with in Redis; empty if it is no base64."""
        try:
            return base64.b64decode(self.event_key.get_secret_value()) if self.event_key else b""
        except binascii.Error:
            return b""

    def require_access_control(self, sandbox: bool) -> None:
        """Refuse to serve everybody, unless that is only this machine and meant so.

        Raises ValueError with the cure.
        """
        if self.auth_mode != "none" or (
            self.is_loopback and (self.allow_unauthenticated or sandbox)
        ):
            return
        raise ValueError(
            "MCP_AUTH_MODE is none, so anybody could use your Portkey key: set "
            "MCP_AUTH_MODE=bearer and MCP_AUTH_TOKEN, or for this machine alone keep "
            "MCP_HOST=127.0.0.1 and set MCP_ALLOW_UNAUTHENTICATED_HTTP=true"
        )


def load_hosting(env_file: Path | None = None, **given: Any) -> Hosting:
    """Read the environment; see `settings.load_settings`."""
    return read_settings(Hosting, env_file, given)
