"""The settings that all commands share, read from the environment once, at start."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    DirectoryPath,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    model_validator,
)

from ..errors import ConfigurationError
from .addresses import DEFAULT_BASE_URL, check_address, check_url
from .environment import CommaSeparated, EnvironmentSettings, WhyIgnored, variable_names
from .secret_values import MIN_MASKED_LENGTH, check_secret

ToolMode = Literal["full", "search", "code"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
OFF = "off"
LEVEL_ALIASES = {"warn": "warning", "critical": "error"}
"""Names that other loggers use."""

S = TypeVar("S", bound=EnvironmentSettings)


class Settings(EnvironmentSettings):
    """The settings that all commands share: how to reach Portkey, what to offer, how to log.

    Created once by a command, immutable, and passed down. `docs/settings.md` and the error messages
    are generated from the descriptions and examples here.
    """

    api_key: SecretStr | None = Field(
        None,
        validation_alias="PORTKEY_API_KEY",
        description="The Portkey API key, sent with every request: an organisation admin key "
        "for all tools, or a workspace key for the tools of that workspace. In the sandbox, "
        "the name of one of its keys; not set means `owner` there.",
    )
    base_url: str = Field(
        DEFAULT_BASE_URL,
        validation_alias="PORTKEY_BASE_URL",
        description="The URL of Portkey's Admin API: https and public, unless "
        "PORTKEY_ALLOW_PRIVATE_BASE_URL or PORTKEY_ALLOW_INSECURE_HTTP allow something else.",
        examples=[DEFAULT_BASE_URL],
    )
    mcp_base_url: str | None = Field(
        None,
        validation_alias="PORTKEY_MCP_BASE_URL",
        description="The URL of Portkey's MCP gateway, which lists the registry of MCP "
        "servers. The key is sent there, so it is used by default only with Portkey's own "
        "API: `https://mcp.portkey.ai` if PORTKEY_BASE_URL is on api.portkey.ai, else none.",
        examples=["https://mcp.portkey.ai"],
    )
    prices_url: str | None = Field(
        None,
        validation_alias="PORTKEY_PRICES_URL",
        description="The URL of Portkey's public price lists. No key is sent there. If not "
        "set, `https://configs.portkey.ai` if PORTKEY_BASE_URL is on api.portkey.ai, else "
        "none.",
        examples=["https://configs.portkey.ai"],
    )
    dashboard_url: str | None = Field(
        None,
        validation_alias="PORTKEY_DASHBOARD_URL",
        description="The URL of Portkey's dashboard, to which an answer about one object links. "
        "`off` leaves the links out. If not set, `https://app.portkey.ai` if PORTKEY_BASE_URL is "
        "on api.portkey.ai, else none; the sandbox has none.",
        examples=["https://app.portkey.ai"],
    )
    toolsets: CommaSeparated = Field(
        (),
        validation_alias=AliasChoices("PORTKEY_TOOLSETS", "PORTKEY_TOOL_DOMAINS"),
        description="Offer only the tools of these toolsets: names of domains, "
        "or of groups of domains: default, access, prompts-engineering, routing, governance, "
        "observability, mcp, all. If neither this nor PORTKEY_TOOLS is set, all tools are "
        "offered.",
        examples=["default,observability"],
    )
    tools: CommaSeparated = Field(
        (),
        validation_alias="PORTKEY_TOOLS",
        description="Names of single tools to offer, in addition to those of PORTKEY_TOOLSETS "
        "if it is set.",
        examples=["list_audit_logs,get_log"],
    )
    exclude_tools: CommaSeparated = Field(
        (),
        validation_alias="PORTKEY_EXCLUDE_TOOLS",
        description="Names of tools not to offer, whatever the other settings say.",
        examples=["delete_workspace"],
    )
    tool_mode: ToolMode = Field(
        "full",
        validation_alias="PORTKEY_TOOL_MODE",
        description="What `tools/list` answers. `full`: every offered tool. `search`: six "
        "tools, one of which finds the others and one calls them. `code`: three tools, which "
        "find tools, describe them and run Python that calls them; needs the extra `code`.",
        examples=["search"],
    )
    read_only: bool = Field(
        False,
        validation_alias="PORTKEY_READ_ONLY",
        description="Offer only tools that change nothing, and send Portkey no request that "
        "changes something.",
        examples=["true"],
    )
    fast_path: bool = Field(
        True,
        validation_alias="MCP_FAST_PATH",
        description="Answer the handshake, lists and plain tool calls without the MCP SDK, "
        "which is several times faster and gives the same answers. `off` leaves everything to "
        "the SDK.",
        examples=["off"],
    )
    max_result_chars: int = Field(
        80_000,
        ge=1_000,
        validation_alias="MCP_MAX_RESULT_CHARS",
        description="Maximum length of one tool's result, in characters of plain English: digits, "
        "capitals, punctuation and other scripts count more, as models read them in more tokens. "
        "80,000 are at most about 25,000 tokens. A longer result is cut between records, and says "
        "how to get the rest.",
        examples=["80000"],
    )
    allow_private_base_url: bool = Field(
        False,
        validation_alias="PORTKEY_ALLOW_PRIVATE_BASE_URL",
        description="Allow URLs with a private, loopback or link-local address, for a "
        "self-hosted control plane.",
        examples=["true"],
    )
    allow_insecure_http: bool = Field(
        False,
        validation_alias="PORTKEY_ALLOW_INSECURE_HTTP",
        description="Allow URLs without TLS. The key is then readable on the network.",
        examples=["true"],
    )
    timeout_ms: int = Field(
        30_000,
        ge=1,
        le=600_000,
        validation_alias="PORTKEY_TIMEOUT_MS",
        description="Timeout of a connection to Portkey, and again of each wait for its "
        "answer, in milliseconds.",
        examples=["30000"],
    )
    max_answer_bytes: int = Field(
        67_108_864,
        ge=1_000_000,
        validation_alias="PORTKEY_MAX_ANSWER_BYTES",
        description="Maximum size of one answer of Portkey after it was unpacked, in bytes. Of a "
        "larger answer, no more than this is held in memory, and the call fails.",
        examples=["67108864"],
    )
    ca_file: FilePath | None = Field(
        None,
        validation_alias="SSL_CERT_FILE",
        description="A PEM file with the certificate authorities to trust. If not set, those "
        "of the system. A path of no file is ignored with a warning.",
        examples=["/etc/ssl/certs/company.pem"],
    )
    ca_dir: DirectoryPath | None = Field(
        None,
        validation_alias="SSL_CERT_DIR",
        description="A directory of PEM files with certificate authorities, in OpenSSL's "
        "layout. If not set, those of the system. A path of no directory is ignored with a "
        "warning.",
        examples=["/etc/ssl/certs"],
    )
    sandbox: bool = Field(
        False,
        validation_alias="PORTKEY_SANDBOX",
        description="Serve the embedded emulator instead of Portkey. Needs no key and no network.",
        examples=["true"],
    )
    log_level: LogLevel = Field(
        "info",
        validation_alias="LOG_LEVEL",
        description="Lowest level of this server's log lines, written to stderr. Libraries log "
        "warnings and errors only, because their messages may contain secrets. Another value is "
        "ignored with a warning.",
        examples=["debug"],
    )
    log_format: LogFormat = Field(
        "text",
        validation_alias="LOG_FORMAT",
        description="Format of log lines: `text` for people, or `json` for one JSON object a "
        "line. Another value is ignored with a warning.",
        examples=["json"],
    )

    why_ignored: ClassVar[Mapping[str, WhyIgnored]] = {
        "LOG_LEVEL": lambda value: _why_unknown(value, LogLevel, "info"),
        "LOG_FORMAT": lambda value: _why_unknown(value, LogFormat, "text"),
        "SSL_CERT_FILE": lambda value: _why_missing(Path(value).is_file),
        "SSL_CERT_DIR": lambda value: _why_missing(Path(value).is_dir),
    }

    @model_validator(mode="before")
    @classmethod
    def _fold_case(cls, values: Any) -> Any:
        """Accept capitals, and the level names `warn` and `critical`, as other loggers do."""
        for name in ("LOG_LEVEL", "LOG_FORMAT"):
            if isinstance(values.get(name), str):
                values[name] = _folded(values[name])
        return values

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if not self.sandbox:
            for name, url in self._addresses():
                check_address(name, url, self.allow_private_base_url, self.allow_insecure_http)
            if self.dashboard_url is not None and self.dashboard_url != OFF:
                check_url("PORTKEY_DASHBOARD_URL", self.dashboard_url)
            if self.api_key is not None:
                check_secret("PORTKEY_API_KEY", self.api_key.get_secret_value(), "key")
        return self

    @property
    def warnings(self) -> list[str]:
        """What to log once at start: ignored variables, and a key too short to be masked."""
        key = self.api_key.get_secret_value() if self.api_key else ""
        if self.sandbox or not key or len(key) >= MIN_MASKED_LENGTH:
            return super().warnings
        return [
            *super().warnings,
            f"PORTKEY_API_KEY has fewer than {MIN_MASKED_LENGTH} characters, so it is not masked "
            "in logs and error messages; Portkey's keys are longer: check that it is complete",
        ]

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
        """URL of the MCP gateway without a final slash; None if not set and not Portkey's own."""
        return self._url_or_default(self.mcp_base_url, "https://mcp.portkey.ai")

    @property
    def prices_address(self) -> str | None:
        """URL of the price lists without a final slash; None if not set and not Portkey's own."""
        return self._url_or_default(self.prices_url, "https://configs.portkey.ai")

    @property
    def dashboard_address(self) -> str | None:
        """URL of the dashboard without a final slash; None if there are to be no links."""
        if self.sandbox or self.dashboard_url == OFF:
            return None
        return self._url_or_default(self.dashboard_url, "https://app.portkey.ai")

    def _url_or_default(self, url: str | None, default: str) -> str | None:
        is_portkeys_api = urlsplit(self.base_url).hostname == "api.portkey.ai"
        if url is None and (self.sandbox or is_portkeys_api):
            url = default
        return (url or "").rstrip("/") or None


def _folded(value: str) -> str:
    value = value.strip().lower()
    return LEVEL_ALIASES.get(value, value)


def _why_unknown(value: str, choices: Any, default: str) -> str | None:
    """Why a value is ignored that other programs may mean; None if it is one of `choices`."""
    if _folded(value) in get_args(choices):
        return None
    return f"it must be one of {', '.join(get_args(choices))}; {default} is used"


def _why_missing(exists: Callable[[], bool]) -> str | None:
    """Why a path to certificates is ignored; None if there is something."""
    try:
        if exists():
            return None
    except OSError:  # too long, or within a directory that may not be read
        pass
    return "nothing can be read at this path; the system's certificate authorities are trusted"


def load_settings(env_file: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings: from `overrides`, else from the environment, else from `env_file`.

    Raises ConfigurationError, which names each wrong variable, what is wrong and an example.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigurationError(f"--env-file: there is no file {env_file}; correct the path.")
    return read_settings(Settings, env_file, overrides)


def read_settings(cls: type[S], env_file: Path | None, overrides: dict[str, Any]) -> S:
    """Read the settings of one class; see `load_settings`."""
    try:
        return cls.from_environment(env_file, overrides)
    except ValidationError as error:
        messages = (_message(cls, problem) for problem in error.errors())
        raise ConfigurationError("\n".join(messages)) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            f"--env-file: {env_file} cannot be read; it must be readable, and UTF-8 text."
        ) from None


def _message(cls: type[EnvironmentSettings], error: Any) -> str:
    """One error of pydantic as a sentence, with an example if the setting has one."""
    if error["type"] == "value_error" and not error["loc"]:
        return f"{error['ctx']['error']}."
    name = str(error["loc"][0])
    field = next(f for f in cls.model_fields.values() if name in variable_names(f))
    problem = "input should be a JSON object" if error["type"] == "dict_type" else error["msg"]
    example = f" For example: {name}={field.examples[0]}" if field.examples else ""
    return f"{name}: {problem[0].lower()}{problem[1:]}.{example}"
