"""The settings of signing in with an OpenID Connect issuer, and the mistakes they refuse."""

from typing import Any

import pytest
from pydantic import ValidationError

from portkey_admin_mcp.settings.hosting import Hosting

ISSUER = "https://login.example.com/realms/acme"
COMPLETE = {
    "MCP_AUTH_MODE": "oidc",
    "MCP_OIDC_ISSUER": ISSUER,
    "MCP_OIDC_AUDIENCE": "https://mcp.example.com/mcp",
}


def hosting(**variables: Any) -> Hosting:
    return Hosting(**{**COMPLETE, **variables})


def test_an_issuer_and_an_audience_are_enough():
    settings = hosting()

    assert settings.issuer == ISSUER
    assert settings.scopes == ()
    assert settings.warnings == []
    assert settings.session_share == 25


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MCP_OIDC_ISSUER": None}, "MCP_OIDC_ISSUER must be set when MCP_AUTH_MODE=oidc"),
        ({"MCP_OIDC_AUDIENCE": ""}, "MCP_OIDC_AUDIENCE must be set when MCP_AUTH_MODE=oidc"),
        (
            {"MCP_OIDC_AUDIENCE": " ,", "MCP_PUBLIC_BASE_URL": "https://mcp.acme.example"},
            "set it to the `aud` of your tokens, like https://mcp.acme.example/mcp",
        ),
        ({"MCP_OIDC_ISSUER": "http://login.example.com"}, "MCP_OIDC_ISSUER must be https"),
        ({"MCP_OIDC_ISSUER": "https://10.0.0.7"}, "MCP_OIDC_ISSUER is a private or local"),
        ({"MCP_OIDC_ISSUER": "https://keycloak.internal"}, "is a private or local"),
        ({"MCP_OIDC_ISSUER": "https://x.example?a=1"}, "MCP_OIDC_ISSUER must be a full URL"),
        ({"MCP_OIDC_ISSUER": "https://x.example#"}, "MCP_OIDC_ISSUER must be a URL in ASCII"),
        ({"MCP_OIDC_ISSUER": "https://x.example/?"}, "MCP_OIDC_ISSUER must be a URL in ASCII"),
        ({"MCP_OIDC_ISSUER": "https://x.example/ä"}, "MCP_OIDC_ISSUER must be a URL in ASCII"),
        ({"MCP_OIDC_ISSUER": "https://x.example/a b"}, "MCP_OIDC_ISSUER must be a URL in ASCII"),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin"}, "MCP_OIDC_ALLOWED_ROLES needs MCP_OIDC_ROLES_CLAIM"),
        ({"MCP_OIDC_ALLOWED_GROUPS": "ops"}, "ALLOWED_GROUPS needs MCP_OIDC_GROUPS_CLAIM"),
        *(
            ({"MCP_OIDC_ALGORITHMS": name}, "MCP_OIDC_ALGORITHMS must be of RS256, RS384")
            for name in ("HS256", "none", "RS256,HS512", "rs256", "ES256K")
        ),
        *(
            ({name: f"openid,{scope}"}, f"{name} must {problem}")
            for name in ("MCP_OIDC_REQUIRED_SCOPES", "MCP_OIDC_REQUESTED_SCOPES")
            for scope, problem in (
                ("a b", "be scopes separated by commas"),
                ('a"b', "be scopes separated by commas"),
                ("a\\b", "be scopes separated by commas"),
                ("ä", "be scopes separated by commas"),
                ("offline_access", "not contain offline_access"),
            )
        ),
        ({"MCP_OIDC_LEEWAY_SECONDS": 301}, "less than or equal to 300"),
        ({"MCP_OIDC_LEEWAY_SECONDS": -1}, "greater than or equal to 0"),
    ],
)
def test_a_mistake_is_refused_with_its_name_and_a_cure(variables, message):
    with pytest.raises(ValidationError) as error:
        hosting(**variables)

    assert message in str(error.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"MCP_OIDC_ISSUER": "https://tenant.auth0.com/"},
        {"MCP_OIDC_ISSUER": "http://127.0.0.1:8080/realms/a"},
        {"MCP_OIDC_ISSUER": "https://keycloak.internal", "MCP_OIDC_ALLOW_PRIVATE_ISSUER": True},
        {"MCP_OIDC_ALLOWED_ROLES": "a", "MCP_OIDC_ROLES_CLAIM": "roles"},
        {"MCP_OIDC_ALLOWED_GROUPS": "a", "MCP_OIDC_GROUPS_CLAIM": "groups"},
        {"MCP_OIDC_ALGORITHMS": "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA"},
        {"MCP_OIDC_REQUIRED_SCOPES": "api://1a2b/portkey.admin,openid,!~"},
    ],
)
def test_other_values_are_accepted_as_they_are(variables):
    settings = hosting(**variables)

    assert settings.issuer == {**COMPLETE, **variables}["MCP_OIDC_ISSUER"]


def test_a_private_issuer_must_be_https_all_the_same():
    with pytest.raises(ValidationError, match="MCP_OIDC_ISSUER must be https"):
        hosting(MCP_OIDC_ISSUER="http://10.0.0.7", MCP_OIDC_ALLOW_PRIVATE_ISSUER=True)


def test_clients_ask_for_the_required_scopes_unless_the_issuer_names_them_otherwise():
    required = {"MCP_OIDC_REQUIRED_SCOPES": "a,b"}

    assert hosting(**required).scopes == ("a", "b")
    assert hosting(**required, MCP_OIDC_REQUESTED_SCOPES="api://x/a").scopes == ("api://x/a",)


def test_in_other_modes_the_settings_of_an_issuer_have_no_effect():
    token = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": "a" * 16}
    settings = hosting(**token, MCP_OIDC_REQUIRED_SCOPES="a", MCP_OIDC_AUDIENCE="")

    assert (settings.issuer, settings.scopes) == (None, ())


def test_the_issuer_of_clerk_has_no_slash_at_its_end():
    clerk = {"CLERK_ISSUER": "https://clerk.example.com/", "CLERK_AUDIENCE": "mcp"}

    assert Hosting(MCP_AUTH_MODE="clerk", **clerk).issuer == "https://clerk.example.com"
