"""How many sessions one principal may open, and how long a bearer token is at least."""

import pytest

from portkey_admin_mcp.settings.addresses import check_url, is_loopback
from portkey_admin_mcp.settings.hosting import Hosting

TOKENS = {"ada": "a" * 16, "ben": "b" * 16}
OPEN = {"MCP_ALLOW_UNAUTHENTICATED_HTTP": True}


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({**OPEN}, 100),
        ({"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": "a" * 16}, 100),
        ({"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS}, 25),
        (
            {
                "MCP_AUTH_MODE": "clerk",
                "CLERK_ISSUER": "https://clerk.acme.example",
                "CLERK_AUDIENCE": "mcp",
            },
            25,
        ),
        ({**OPEN, "MCP_MAX_SESSIONS_PER_PRINCIPAL": 7}, 7),
        ({**OPEN, "MCP_MAX_SESSIONS": 3}, 3),
        ({"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS, "MCP_MAX_SESSIONS": 3}, 1),
    ],
)
def test_principals_share_the_sessions_and_one_alone_may_have_all(settings, share):
    assert Hosting(**{"MCP_MAX_SESSIONS": 100, **settings}).session_share == share


def test_a_token_has_sixteen_characters_at_least():
    assert Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN="a" * 16).tokens == {"default": "a" * 16}
    with pytest.raises(ValueError, match="16 ASCII characters or longer"):
        Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN="a" * 15)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.5", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_only_this_machine_reaches_a_loopback_address(host, expected):
    assert is_loopback(host) is expected


def test_plain_http_is_for_loopback_addresses_and_no_other_scheme_is():
    check_url("X", "http://localhost:3000", public=False)
    check_url("X", "https://mcp.example.com", public=False)
    for url in ("http://mcp.example.com", "ftp://localhost", "ws://127.0.0.1"):
        with pytest.raises(ValueError, match="X must be https, or http on a loopback address"):
            check_url("X", url, public=False)
