"""The settings of the HTTP service's authentication: bearer tokens, or tokens issued by Clerk."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from .addresses import check_origin, check_url
from .environment import CommaSeparated, JsonText
from .hosting_address import HostingAddress
from .secret_values import check_secret


class HostingAuth(HostingAddress):
    """Who may call the service, and how callers prove who they are."""

    auth_mode: Literal["none", "bearer", "clerk"] = Field(
        "none",
        validation_alias="MCP_AUTH_MODE",
        description="How callers authenticate. `none` is accepted only on a loopback address, "
        "in the sandbox or with MCP_ALLOW_UNAUTHENTICATED_HTTP.",
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
    clerk_issuer: str | None = Field(
        None,
        validation_alias="CLERK_ISSUER",
        description="The issuer URL of Clerk's tokens. Its public keys are read from "
        "ISSUER/.well-known/jwks.json. Required if MCP_AUTH_MODE is `clerk`.",
        examples=["https://example.clerk.accounts.dev"],
    )
    clerk_audience: CommaSeparated = Field(
        (),
        validation_alias="CLERK_AUDIENCE",
        description="Accepted audiences (claim `aud`): a token must have one of them. For "
        "clients that sign in by OAuth, the URL of the endpoint; for session tokens, the `aud` "
        "that Clerk's session token settings or a JWT template add. If MCP_AUTH_MODE is "
        "`clerk`, this or CLERK_AUTHORIZED_PARTIES is required.",
        examples=["https://mcp.example.com/mcp"],
    )
    clerk_authorized_parties: CommaSeparated = Field(
        (),
        validation_alias="CLERK_AUTHORIZED_PARTIES",
        description="Origins of the applications whose session tokens are accepted (claim "
        "`azp`): a token must have one of them. Without CLERK_AUDIENCE a warning is logged, "
        "because a token for any other service of these applications is then accepted too.",
        examples=["https://app.example.com"],
    )
    clerk_subjects: CommaSeparated = Field(
        (),
        validation_alias="CLERK_ALLOWED_SUBJECTS",
        description="Ids of the users who may call. If not set, all users may.",
    )
    clerk_organisations: CommaSeparated = Field(
        (),
        validation_alias="CLERK_ALLOWED_ORGANIZATION_IDS",
        description="Ids of the organisations whose users may call. If not set, all organisations.",
    )
    clerk_roles: CommaSeparated = Field(
        (),
        validation_alias="CLERK_ALLOWED_ROLES",
        description="Organisation roles that may call. If not set, all roles may.",
    )
    clerk_permissions: CommaSeparated = Field(
        (),
        validation_alias="CLERK_REQUIRED_PERMISSIONS",
        description="Permissions that a caller must have, all of them.",
    )

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        if self.auth_mode == "bearer" and not self.tokens:
            raise ValueError("MCP_AUTH_TOKEN must be set when MCP_AUTH_MODE=bearer")
        if self.auth_token is not None:
            _check_token("MCP_AUTH_TOKEN", self.auth_token)
        for token in self.auth_tokens.values():
            _check_token("MCP_AUTH_TOKENS: a token", token)
        if self.auth_mode == "clerk":
            self._check_clerk()
        if self.clerk_issuer is not None:
            check_url("CLERK_ISSUER", self.clerk_issuer, public=True)
        return self

    def _check_clerk(self) -> None:
        if not self.clerk_issuer:
            raise ValueError("CLERK_ISSUER must be set when MCP_AUTH_MODE=clerk")
        if not self.clerk_audience and not self.clerk_authorized_parties:
            raise ValueError(
                "CLERK_AUDIENCE must be set when MCP_AUTH_MODE=clerk, because a token that Clerk "
                "issued for another service must not be accepted: set it to the `aud` of your "
                f"tokens, like {self.base_url}/mcp, or for session tokens without `aud` set "
                "CLERK_AUTHORIZED_PARTIES to the origins of your applications (`azp`)"
            )
        for origin in self.clerk_authorized_parties:
            check_origin("CLERK_AUTHORIZED_PARTIES", origin)

    @property
    def warnings(self) -> list[str]:
        """What to log once at start: ignored variables, and tokens without a checked audience."""
        if self.auth_mode != "clerk" or self.clerk_audience:
            return super().warnings
        return [
            *super().warnings,
            "CLERK_AUDIENCE is not set: every session token of CLERK_AUTHORIZED_PARTIES is "
            "accepted, also one for another service; set CLERK_AUDIENCE, and add `aud` to the "
            "session tokens in Clerk",
        ]

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
