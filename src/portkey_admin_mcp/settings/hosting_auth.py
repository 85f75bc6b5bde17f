"""The settings of the HTTP service's authentication: its mode, and the bearer tokens."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from .environment import JsonText
from .hosting_address import HostingAddress
from .secret_values import check_secret


class HostingAuth(HostingAddress):
    """Who may call the service, and how callers prove who they are."""

    auth_mode: Literal["none", "bearer", "clerk", "oidc"] = Field(
        "none",
        validation_alias="MCP_AUTH_MODE",
        description="How callers authenticate: by bearer tokens that you give out, or by access "
        "tokens of Clerk (`clerk`) or of any other OpenID Connect or OAuth issuer (`oidc`). `none` "
        "is accepted only on a loopback address, in the sandbox or with "
        "MCP_ALLOW_UNAUTHENTICATED_HTTP.",
    )
    allow_unauthenticated: bool = Field(
        False,
        validation_alias="MCP_ALLOW_UNAUTHENTICATED_HTTP",
        description="Serve on a loopback address without authentication: everybody on this "
        "machine can then use the Portkey key.",
        examples=["true"],
    )
    auth_token: SecretStr | None = Field(
        None,
        validation_alias="MCP_AUTH_TOKEN",
        description="The bearer token of the principal `default`: 16 ASCII characters or "
        "more. Create one with `openssl rand -hex 32`.",
    )
    auth_tokens: JsonText[dict[str, SecretStr]] = Field(
        {},
        validation_alias="MCP_AUTH_TOKENS",
        description="More bearer tokens, as a JSON object from the name of a principal to its "
        "token.",
        examples=['{"ada": "…", "ci": "…"}'],
    )

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        if self.auth_mode == "bearer" and not self.tokens:
            raise ValueError("MCP_AUTH_TOKEN must be set when MCP_AUTH_MODE=bearer")
        if self.auth_token is not None:
            _check_token("MCP_AUTH_TOKEN", self.auth_token)
        for token in self.auth_tokens.values():
            _check_token("MCP_AUTH_TOKENS: a token", token)
        return self

    @property
    def tokens(self) -> dict[str, str]:
        """Bearer tokens by the name of their principal."""
        tokens = {name: token.get_secret_value() for name, token in self.auth_tokens.items()}
        if self.auth_token is not None:
            tokens["default"] = self.auth_token.get_secret_value()
        return tokens

    def require_access_control(self, sandbox: bool) -> None:
        """Raise ValueError without authentication, unless only this machine can call.

        That is: on a loopback address, with the sandbox or MCP_ALLOW_UNAUTHENTICATED_HTTP.
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


def _check_token(name: str, token: SecretStr) -> None:
    value = token.get_secret_value()
    check_secret(name, value, "token")
    if len(value) < 16:
        raise ValueError(
            f"{name} must be 16 ASCII characters or longer; make one with: openssl rand -hex 32"
        )
