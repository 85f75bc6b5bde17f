"""The settings that say whose Portkey key a request to the HTTP service uses."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from ..errors import ConfigurationError
from .environment import JsonText
from .hosting_oidc import HostingOidc
from .secret_values import check_secret

VARIABLE = "PORTKEY_CALLER_KEYS"
FILE_VARIABLE = "PORTKEY_CALLER_KEYS_FILE"


class HostingKeys(HostingOidc):
    """Whose Portkey key a request uses: the server's, or that of its caller."""

    key_mode: Literal["server", "caller", "either"] = Field(
        "server",
        validation_alias="PORTKEY_KEY_MODE",
        description="Whose Portkey key a request over HTTP uses. `server`: PORTKEY_API_KEY; a "
        "request with the header X-Portkey-Api-Key is refused. `caller`: the key in "
        "X-Portkey-Api-Key, which every request must have; PORTKEY_API_KEY is not needed. "
        "`either`: the header's key, and PORTKEY_API_KEY without the header. In every mode, a "
        "principal in PORTKEY_CALLER_KEYS uses the key given there, and no other.",
        examples=["caller"],
    )
    caller_keys: JsonText[dict[str, SecretStr]] = Field(
        {},
        validation_alias=VARIABLE,
        description="The Portkey keys of single principals, as a JSON object from the principal, "
        "written as kind and name, to its key.",
        examples=['{"bearer:ada": "…", "bearer:ci": "…"}'],
    )
    caller_keys_file: Path | None = Field(
        None,
        validation_alias=FILE_VARIABLE,
        description="A file with the JSON object of PORTKEY_CALLER_KEYS, in its place. Read at "
        "the start, and again at SIGHUP.",
        examples=["/run/secrets/caller-keys.json"],
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.caller_keys and self.caller_keys_file is not None:
            raise ValueError(f"{VARIABLE} and {FILE_VARIABLE} are both set; set one of them")
        self._check_caller_keys(VARIABLE, self.caller_keys)
        return self

    @property
    def takes_caller_keys(self) -> bool:
        """Whether some request uses another key than the server's."""
        has_mapping = bool(self.caller_keys) or self.caller_keys_file is not None
        return self.key_mode != "server" or has_mapping

    def read_caller_keys(self) -> dict[str, SecretStr]:
        """The keys of single principals; a file is read anew.

        Raises ConfigurationError, which contains no key.
        """
        if self.caller_keys_file is None:
            return dict(self.caller_keys)
        try:
            keys = _keys_in(self.caller_keys_file)
            self._check_caller_keys(FILE_VARIABLE, keys)
        except OSError as error:
            raise ConfigurationError(
                f"{FILE_VARIABLE}: {self.caller_keys_file} cannot be read ({error.strerror})."
            ) from None
        except ValueError as error:
            raise ConfigurationError(f"{error}.") from None
        return keys

    def _check_caller_keys(self, variable: str, keys: dict[str, SecretStr]) -> None:
        for principal, key in keys.items():
            self._check_principal(variable, principal)
            check_secret(f"{variable}: the key of {principal}", key.get_secret_value(), "key")

    def _check_principal(self, variable: str, principal: str) -> None:
        kind, colon, name = principal.partition(":")
        if self.auth_mode == "none":
            raise ValueError(f"{variable} needs callers with names: set MCP_AUTH_MODE")
        if not colon or kind != self.auth_mode or not name:
            raise ValueError(
                f"{variable}: {principal[:60]!r} is no principal of MCP_AUTH_MODE="
                f"{self.auth_mode}; write {self.auth_mode}:NAME"
            )
        if kind == "bearer" and name not in self.tokens:
            raise ValueError(
                f"{variable}: there is no bearer token of {name[:60]!r} in MCP_AUTH_TOKENS"
            )


def _keys_in(file: Path) -> dict[str, SecretStr]:
    """The keys in a JSON file; raises OSError, or ValueError without anything of the content."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ValueError(f"{FILE_VARIABLE}: {file} is not JSON in UTF-8") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content.values()):
        raise ValueError(
            f"{FILE_VARIABLE}: {file} must hold one JSON object, from principals to their keys"
        )
    return {principal: SecretStr(key) for principal, key in content.items()}
