"""Every setting, read from the environment once, at start."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AliasChoices,
    BeforeValidator,
    DirectoryPath,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..errors import ConfigurationError
from .addresses import is_private

HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
DEFAULT_BASE_URL = "https://api.portkey.ai/v1"

ToolMode = Literal["full", "search", "code"]

S = TypeVar("S", bound=BaseSettings)


def _split(value: Any) -> Any:
    """Read `a, b` as two values."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Values with commas between them."""


class Settings(BaseSettings):
    """Where Portkey is, with which key, and how this server speaks about it.

    Made once in `__main__`, frozen, and handed down. `docs/settings.md` and the refusal of a
    wrong value are made from the descriptions and examples here.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    api_key: SecretStr | None = Field(
        None,
        validation_alias="PORTKEY_API_KEY",
        description="The Portkey API key sent with every request: an admin key for all tools, or "
        "a workspace key for those of one workspace. In the sandbox, the name of a seeded key.",
    )
    base_url: str = Field(
        DEFAULT_BASE_URL,
        validation_alias="PORTKEY_BASE_URL",
        description="Where Portkey's Admin API is. https and public, unless the next two allow "
        "otherwise.",
        examples=[DEFAULT_BASE_URL],
    )
    mcp_base_url: str | None = Field(
        None,
        validation_alias="PORTKEY_MCP_BASE_URL",
        description="Where Portkey's MCP gateway is, for the registry of MCP servers. Portkey's "
        "own if PORTKEY_BASE_URL is Portkey's own; else there is none until this is set, since "
        "the key is sent there.",
        examples=["https://mcp.portkey.ai"],
    )
    prices_url: str | None = Field(
        None,
        validation_alias="PORTKEY_PRICES_URL",
        description="Where the public price lists are; no key is sent there. Portkey's own if "
        "PORTKEY_BASE_URL is Portkey's own.",
        examples=["https://configs.portkey.ai"],
    )
    toolsets: CommaSeparated = Field(
        (),
        validation_alias=AliasChoices("PORTKEY_TOOLSETS", "PORTKEY_TOOL_DOMAINS"),
        description="Offer only the tools of these toolsets: domains (docs/tools), or groups of "
        "them: default, access, prompts-engineering, routing, governance, observability, mcp, all. "
        "All tools if neither this nor PORTKEY_TOOLS is set.",
        examples=["default,observability"],
    )
    tools: CommaSeparated = Field(
        (),
        validation_alias="PORTKEY_TOOLS",
        description="Offer these single tools, besides those of PORTKEY_TOOLSETS if it is set.",
        examples=["list_audit_logs,get_log"],
    )
    exclude_tools: CommaSeparated = Field(
        (),
        validation_alias="PORTKEY_EXCLUDE_TOOLS",
        description="Do not offer these tools, whatever the other settings say.",
        examples=["delete_workspace"],
    )
    tool_mode: ToolMode = Field(
        "full",
        validation_alias="PORTKEY_TOOL_MODE",
        description="What a client is shown: full is every tool that is offered, search a handful "
        "with one to find the others and one to call them, code three tools: to find the others, "
        "to describe them, and to run code that calls them (needs the extra `code`).",
        examples=["search"],
    )
    read_only: bool = Field(
        False,
        validation_alias="PORTKEY_READ_ONLY",
        description="Offer only tools that change nothing, and send Portkey no request that does.",
        examples=["true"],
    )
    fast_path: bool = Field(
        True,
        validation_alias="MCP_FAST_PATH",
        description="Answer the handshake, the lists and plain calls of tools without the SDK, "
        "which is several times faster and says the same. `off` leaves everything to the SDK.",
        examples=["off"],
    )
    max_result_chars: int = Field(
        80_000,
        ge=1_000,
        validation_alias="MCP_MAX_RESULT_CHARS",
        description="Characters of JSON that the result of one tool may have. A longer one is cut "
        "between records, and says how to get the rest.",
        examples=["80000"],
    )
    allow_private_base_url: bool = Field(
        False,
        validation_alias="PORTKEY_ALLOW_PRIVATE_BASE_URL",
        description="Allow a base URL on a private, loopback or link-local address, for a "
        "self-hosted control plane.",
        examples=["true"],
    )
    allow_insecure_http: bool = Field(
        False,
        validation_alias="PORTKEY_ALLOW_INSECURE_HTTP",
        description="Allow a base URL without TLS. The key then crosses the network readable.",
        examples=["true"],
    )
    timeout_ms: int = Field(
        30_000,
        ge=1,
        le=600_000,
        validation_alias="PORTKEY_TIMEOUT_MS",
        description="Milliseconds to wait for Portkey to connect, and again to answer.",
        examples=["30000"],
    )
    ca_file: FilePath | None = Field(
        None,
        validation_alias="SSL_CERT_FILE",
        description="A PEM file of the certificate authorities to trust, instead of the system's.",
        examples=["/etc/ssl/certs/company.pem"],
    )
    ca_dir: DirectoryPath | None = Field(
        None,
        validation_alias="SSL_CERT_DIR",
        description="A directory of such files, in OpenSSL's layout.",
        examples=["/etc/ssl/certs"],
    )
    sandbox: bool = Field(
        False,
        validation_alias="PORTKEY_SANDBOX",
        description="Serve the embedded emulator's organisation instead of Portkey's. Needs no "
        "key and no network.",
        examples=["true"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        validation_alias="LOG_LEVEL",
        description="How much is written to stderr.",
        examples=["debug"],
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        validation_alias="LOG_FORMAT",
        description="Form of the log: lines for people, or one JSON object a line.",
        examples=["json"],
    )

    @model_validator(mode="before")
    @classmethod
    def _fold_case(cls, values: Any) -> Any:
        """Accept `LOG_LEVEL=DEBUG` and `warn`, as other loggers do."""
        for name in ("LOG_LEVEL", "LOG_FORMAT"):
            if isinstance(values.get(name), str):
                folded = values[name].strip().lower()
                values[name] = {"warn": "warning", "critical": "error"}.get(folded, folded)
        return values

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if not self.sandbox:
            for name, url in self._addresses():
                check_address(name, url, self.allow_private_base_url, self.allow_insecure_http)
            check_key(self.api_key)
        return self

    def _addresses(self) -> Iterator[tuple[str, str]]:
        yield "PORTKEY_BASE_URL", self.base_url
        for name, url in (
            ("PORTKEY_MCP_BASE_URL", self.mcp_base_url),
            ("PORTKEY_PRICES_URL", self.prices_url),
        ):
            if url is not None:
                yield name, url

    @property
    def mcp_address(self) -> str | None:
        """Where the MCP gateway is; None where nobody said so and it cannot be known."""
        return self._beside(self.mcp_base_url, "https://mcp.portkey.ai")

    @property
    def prices_address(self) -> str | None:
        """Where the price lists are; None where nobody said so and it cannot be known."""
        return self._beside(self.prices_url, "https://configs.portkey.ai")

    def _beside(self, given: str | None, portkeys_own: str) -> str | None:
        own = self.sandbox or urlsplit(self.base_url).hostname == "api.portkey.ai"
        return (given or (portkeys_own if own else None) or "").rstrip("/") or None


def load_settings(env_file: Path | None = None, **given: Any) -> Settings:
    """Read the environment, and `env_file` under it; `given` wins over both.

    Raises ConfigurationError naming each wrong variable, what is wrong and what to write.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigurationError(f"--env-file: there is no file {env_file}; correct the path.")
    return read_settings(Settings, env_file, given)


def read_settings(kind: type[S], env_file: Path | None, given: dict[str, Any]) -> S:
    """Read one kind of settings; see `load_settings`."""
    try:
        return kind(_env_file=env_file, **given)
    except ValidationError as error:
        words = (_explanation(kind, problem) for problem in error.errors())
        raise ConfigurationError("\n".join(words)) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            f"--env-file: {env_file} cannot be read; it must be readable, and UTF-8 text."
        ) from None


def variable_names(field: FieldInfo) -> list[str]:
    """The variables a setting is read from, the first that is set wins."""
    alias = field.validation_alias
    return [str(c) for c in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]


def check_address(name: str, url: str, private: bool, insecure: bool) -> None:
    """Refuse an address that must not be spoken to: not https, or not public.

    `name` is what an error calls it. Only literal addresses and well-known local names are
    judged; a public name that resolves to a private address is the operator's own DNS.
    """
    if not re.fullmatch("[!-~]+", url):
        raise ValueError(
            f"{name} holds a space, a line break or a character that is not ASCII; "
            f"write it like {DEFAULT_BASE_URL}, an international name in its xn-- form"
        )
    if set("@#") & set(url) or ("?" in url and name.startswith("PORTKEY_")):
        raise ValueError(f"{name} must hold no user, password, query or fragment")
    try:
        parts = urlsplit(url)
        host, _port = _host(parts), parts.port
    except ValueError:
        raise ValueError(
            f"{name} must be a whole URL that starts with https://, like {DEFAULT_BASE_URL}"
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


def check_key(key: SecretStr | None) -> None:
    """Refuse a key that cannot stand in a header, or stands in quotes, without repeating it."""
    if key is not None and not re.fullmatch("(?![\"'])[!-~]+", key.get_secret_value()):
        raise ValueError(
            "PORTKEY_API_KEY holds a space, a line break, quotes or another character no key "
            "has; copy the key again, without quotes"
        )


def _host(parts: SplitResult) -> str:
    """The host of a web address; raises ValueError where there is none, or none that can be."""
    host = parts.hostname or ""
    if "[" in parts.netloc:
        host = str(ipaddress.IPv6Address(host))
    elif not HOST.fullmatch(host):
        raise ValueError("no host")
    if parts.scheme not in ("http", "https"):
        raise ValueError("no scheme")
    return host


def _explanation(kind: type[BaseSettings], error: Any) -> str:
    if error["type"] == "value_error" and not error["loc"]:
        return f"{error['ctx']['error']}."
    name = str(error["loc"][0])
    field = next(f for f in kind.model_fields.values() if name in variable_names(f))
    example = f" For example: {name}={field.examples[0]}" if field.examples else ""
    return f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}.{example}"
