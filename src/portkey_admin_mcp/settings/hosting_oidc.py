"""The settings of signing in by OAuth: which issuer's access tokens are accepted, and whose."""

import re
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from .addresses import check_origin, check_url
from .environment import CommaSeparated
from .hosting_auth import HostingAuth

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Signature algorithms with a public key. HS256 and `none` can never be selected."""
DEFAULT_ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
SCOPE = re.compile(r"[!#-\[\]-~]+")
"""A scope, as RFC 6749 (3.3) allows it."""


class HostingOidc(HostingAuth):
    """Whose access tokens the service accepts: those of one OpenID Connect issuer, or of Clerk."""

    oidc_issuer: str | None = Field(
        None,
        validation_alias="MCP_OIDC_ISSUER",
        description="The issuer URL of the access tokens, exactly as their claim `iss` has it, "
        "also as for a slash at the end. Its keys are discovered under `/.well-known/`. Required "
        "if MCP_AUTH_MODE is `oidc`. [How to set it up](deploy/sign-in.md).",
        examples=["https://login.example.com/realms/acme"],
    )
    oidc_audience: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_AUDIENCE",
        description="Accepted audiences (claim `aud`): a token must have one of them. Usually the "
        "URL of the endpoint, which MCP clients send as `resource`. Required if MCP_AUTH_MODE is "
        "`oidc`.",
        examples=["https://mcp.example.com/mcp"],
    )
    oidc_authorized_parties: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_AUTHORIZED_PARTIES",
        description="Ids of the clients that may call (claim `azp`, else `client_id`, `cid` or "
        "`appid`). If not set, all clients of the issuer may.",
        examples=["claude-code"],
    )
    oidc_required_scopes: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_REQUIRED_SCOPES",
        description="Scopes that a token must have (claims `scope` and `scp`), all of them.",
        examples=["portkey.admin"],
    )
    oidc_requested_scopes: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_REQUESTED_SCOPES",
        description="Scopes that clients are told to ask for. Needed only if the issuer writes "
        "them differently in tokens, as Entra ID does. If not set, MCP_OIDC_REQUIRED_SCOPES.",
        examples=["api://11112222-aaaa-bbbb-cccc-333344445555/portkey.admin"],
    )
    oidc_name_claim: str = Field(
        "sub",
        validation_alias="MCP_OIDC_NAME_CLAIM",
        description="The claim with the name that people are shown. It decides nothing: a caller "
        "is identified by issuer and `sub`, because users can often choose their names.",
        examples=["preferred_username"],
    )
    oidc_roles_claim: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_ROLES_CLAIM",
        description="The claims with the caller's roles: a text or a list of texts. A dot leads "
        "into an object, unless a claim has the complete name.",
        examples=["realm_access.roles"],
    )
    oidc_groups_claim: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_GROUPS_CLAIM",
        description="The claims with the caller's groups, written like MCP_OIDC_ROLES_CLAIM.",
        examples=["cognito:groups"],
    )
    oidc_subjects: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_ALLOWED_SUBJECTS",
        description="The callers who may call, by their claim `sub`. If not set, all may.",
    )
    oidc_roles: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_ALLOWED_ROLES",
        description="Roles that may call: a caller must have one of them. If not set, all may. "
        "Needs MCP_OIDC_ROLES_CLAIM.",
        examples=["portkey-admin"],
    )
    oidc_groups: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_ALLOWED_GROUPS",
        description="Groups that may call: a caller must be in one of them. If not set, all may. "
        "Needs MCP_OIDC_GROUPS_CLAIM.",
        examples=["platform-team"],
    )
    oidc_algorithms: CommaSeparated = Field(
        (),
        validation_alias="MCP_OIDC_ALGORITHMS",
        description=f"Accepted signature algorithms, of {', '.join(get_args(Algorithm))}. If not "
        f"set, {', '.join(DEFAULT_ALGORITHMS)}.",
        examples=["RS256"],
    )
    oidc_leeway_s: int = Field(
        60,
        ge=0,
        le=300,
        validation_alias="MCP_OIDC_LEEWAY_SECONDS",
        description="How much the clocks of this service and of the issuer may differ, in seconds.",
    )
    oidc_allow_private_issuer: bool = Field(
        False,
        validation_alias="MCP_OIDC_ALLOW_PRIVATE_ISSUER",
        description="Accept an issuer, and an address of its keys, in a private network. Both must "
        "be https all the same, except on a loopback address.",
        examples=["true"],
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
    def _check_issuer(self) -> Self:
        if self.auth_mode == "clerk":
            self._check_clerk()
        if self.clerk_issuer is not None:
            check_url("CLERK_ISSUER", self.clerk_issuer, public=True)
        if self.auth_mode == "oidc":
            self._check_oidc()
        if self.oidc_issuer is not None:
            public = not self.oidc_allow_private_issuer
            check_url("MCP_OIDC_ISSUER", self.oidc_issuer, public=public)
            if not re.fullmatch("[!-~]+", self.oidc_issuer) or {*"?#"} & {*self.oidc_issuer}:
                raise ValueError(
                    "MCP_OIDC_ISSUER must be a URL in ASCII without spaces, query and fragment, "
                    "like https://login.example.com"
                )
        self._check_oidc_lists()
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

    def _check_oidc(self) -> None:
        if not self.oidc_issuer:
            raise ValueError("MCP_OIDC_ISSUER must be set when MCP_AUTH_MODE=oidc")
        if not self.oidc_audience:
            raise ValueError(
                "MCP_OIDC_AUDIENCE must be set when MCP_AUTH_MODE=oidc, because a token that was "
                "issued for another service must not be accepted: set it to the `aud` of your "
                f"tokens, like {self.base_url}/mcp"
            )
        for kind, allowed, claim in (
            ("ROLES", self.oidc_roles, self.oidc_roles_claim),
            ("GROUPS", self.oidc_groups, self.oidc_groups_claim),
        ):
            if allowed and not claim:
                raise ValueError(
                    f"MCP_OIDC_ALLOWED_{kind} needs MCP_OIDC_{kind}_CLAIM, the claim that holds "
                    f"the {kind.lower()} of a caller, else nobody could call"
                )

    def _check_oidc_lists(self) -> None:
        if not {*self.oidc_algorithms} <= {*get_args(Algorithm)}:
            raise ValueError(
                f"MCP_OIDC_ALGORITHMS must be of {', '.join(get_args(Algorithm))}: other "
                "algorithms use no public key"
            )
        _check_scopes("MCP_OIDC_REQUIRED_SCOPES", self.oidc_required_scopes)
        _check_scopes("MCP_OIDC_REQUESTED_SCOPES", self.oidc_requested_scopes)

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
    def issuer(self) -> str | None:
        """The issuer of the access tokens, as they name it; None without OAuth."""
        if self.auth_mode == "oidc":
            return self.oidc_issuer
        # Clerk writes its issuer without a slash at the end; the setting may have one.
        return (self.clerk_issuer or "").rstrip("/") if self.auth_mode == "clerk" else None

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that clients are told to ask the issuer for."""
        if self.auth_mode != "oidc":
            return ()
        return self.oidc_requested_scopes or self.oidc_required_scopes


def _check_scopes(name: str, scopes: tuple[str, ...]) -> None:
    if not all(map(SCOPE.fullmatch, scopes)):
        raise ValueError(
            f"{name} must be scopes separated by commas, like portkey.admin,openid: no spaces or "
            "quotes within one"
        )
    if "offline_access" in scopes:
        raise ValueError(
            f"{name} must not contain offline_access: it asks for a refresh token, and this "
            "service needs none"
        )
