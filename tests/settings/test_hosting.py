"""The settings of the HTTP service."""

import base64
import json
import os

import pytest

from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.settings.hosting import Hosting, load_hosting

TOKEN = "a-token-long-enough"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    ours = ("MCP_", "CLERK_", "RATE_", "ALLOWED_", "REDIS_", "PORT")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)


@pytest.fixture
def load(monkeypatch):
    def from_environment(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_hosting()

    return from_environment


def test_the_defaults_are_those_of_one_instance_on_this_machine(load):
    hosting = load()

    assert (hosting.host, hosting.port) == ("127.0.0.1", 3000)
    assert (hosting.session_mode, hosting.event_store) == ("stateful", "off")
    assert (hosting.max_sessions, hosting.session_timeout_ms) == (100, 3_600_000)
    assert (hosting.max_body_bytes, hosting.shutdown_timeout_ms) == (1_048_576, 10_000)
    assert hosting.base_url == "http://127.0.0.1:3000"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PORT": "8080"}, ("port", 8080)),
        ({"PORT": "8080", "MCP_PORT": "9090"}, ("port", 9090)),
        ({"ALLOWED_ORIGINS": "https://a.example, https://b.example,"},
         ("allowed_origins", ("https://a.example", "https://b.example"))),
        ({"MCP_AUTH_TOKENS": f'{{"ada": "{TOKEN}"}}'}, ("tokens", {"ada": TOKEN})),
        ({"MCP_AUTH_TOKEN": TOKEN}, ("tokens", {"default": TOKEN})),
        ({"MCP_HOST": "::1"}, ("base_url", "http://[::1]:3000")),
        ({"MCP_PUBLIC_BASE_URL": "https://mcp.example.com/"},
         ("base_url", "https://mcp.example.com")),
        ({"MCP_TRUST_PROXY": "10.0.0.0/8,::1"}, ("trust_proxy", ("10.0.0.0/8", "::1"))),
    ],
)  # fmt: skip
def test_variables_are_parsed(load, variables, expected):
    name, value = expected

    assert getattr(load(**variables), name) == value


def test_our_redis_variable_wins_over_the_common_one(load):
    hosting = load(REDIS_URL="redis://theirs", MCP_REDIS_URL="rediss://ours")

    assert hosting.redis_url.get_secret_value() == "rediss://ours"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MCP_PORT": "70000"}, "MCP_PORT: input should be less than or equal to 65535"),
        ({"MCP_SESSION_MODE": "sticky"}, "'stateful' or 'stateless'"),
        ({"MCP_EVENT_STORE": "redis"}, "MCP_REDIS_URL must be set"),
        ({"RATE_LIMIT_STORE": "redis"}, "MCP_REDIS_URL must be set"),
        ({"MCP_EVENT_STORE": "redis", "REDIS_URL": "redis://x"}, "openssl rand -base64 32"),
        ({"RATE_LIMIT_STORE": "redis", "REDIS_URL": "http://x"}, "must start with redis://"),
        ({"RATE_LIMIT_STORE": "redis", "REDIS_URL": "redis://[s3cret"}, "MCP_REDIS_URL must"),
        ({"RATE_LIMIT_STORE": "redis", "REDIS_URL": "redis://x:s3cret"}, "MCP_REDIS_URL must"),
        ({"MCP_REDIS_KEY_PREFIX": "a b"}, "MCP_REDIS_KEY_PREFIX"),
        ({"MCP_AUTH_MODE": "bearer"}, "MCP_AUTH_TOKEN must be set"),
        ({"MCP_AUTH_TOKEN": "short-s3cret"}, "16 ASCII characters or longer"),
        ({"MCP_AUTH_TOKENS": '{"ada": "short-s3cret"}'}, "16 ASCII characters or longer"),
        ({"MCP_AUTH_TOKENS": "s3cret"}, "MCP_AUTH_TOKENS: input should be a JSON object."),
        ({"MCP_AUTH_TOKENS": '["s3cret"]'}, "MCP_AUTH_TOKENS: input should be a JSON object."),
        ({"MCP_AUTH_TOKENS": '{"ada": "s3cret'}, "MCP_AUTH_TOKENS: input should be a JSON object."),
        ({"MCP_AUTH_TOKENS": '{"ada": ["s3cret"]}'}, "MCP_AUTH_TOKENS: input should be a valid s"),
        ({"MCP_AUTH_MODE": "clerk"}, "CLERK_ISSUER must be set"),
        (
            {
                "MCP_AUTH_MODE": "clerk",
                "CLERK_ISSUER": "https://clerk.acme.example",
                "MCP_PUBLIC_BASE_URL": "https://mcp.acme.example",
                "CLERK_AUDIENCE": " ,",
            },
            "CLERK_AUDIENCE must be set when MCP_AUTH_MODE=clerk, because a token that Clerk "
            "issued for another service must not be accepted: set it to the `aud` of your "
            "tokens, like https://mcp.acme.example/mcp, or for session tokens without `aud` set "
            "CLERK_AUTHORIZED_PARTIES to the origins of your applications (`azp`).",
        ),
        *(
            (
                {
                    "MCP_AUTH_MODE": "clerk",
                    "CLERK_ISSUER": "https://clerk.acme.example",
                    "CLERK_AUTHORIZED_PARTIES": party,
                },
                "CLERK_AUTHORIZED_PARTIES must be",
            )
            for party in ("*", "app.example.com", "http://app.example.com")
        ),
        ({"CLERK_ISSUER": "http://169.254.169.254"}, "CLERK_ISSUER must be https"),
        ({"CLERK_ISSUER": "https://169.254.169.254"}, "CLERK_ISSUER is a private or local"),
        ({"CLERK_ISSUER": "https://10.0.0.7"}, "CLERK_ISSUER is a private or local"),
        ({"CLERK_ISSUER": "https://metadata.google.internal"}, "is a private or local"),
        ({"CLERK_ISSUER": "https://u:s3cret@x.example"}, "CLERK_ISSUER must be a full URL"),
        ({"CLERK_ISSUER": "https://:s3cret@x.example"}, "CLERK_ISSUER must be a full URL"),
        ({"ALLOWED_ORIGINS": "*"}, "ALLOWED_ORIGINS must be a full URL"),
        ({"ALLOWED_ORIGINS": "http://a.example"}, "ALLOWED_ORIGINS must be https"),
        ({"ALLOWED_ORIGINS": "gopher-extension://abc"}, "ALLOWED_ORIGINS must be https"),
        ({"ALLOWED_ORIGINS": "chrome-extension://abc/page.html"}, "ALLOWED_ORIGINS must be https"),
        ({"ALLOWED_ORIGINS": "chrome-extension://"}, "ALLOWED_ORIGINS must be a full URL"),
        *(
            ({"MCP_ALLOWED_HOSTS": f"mcp.example.com,{host}"}, "MCP_ALLOWED_HOSTS must be host na")
            for host in (
                "*",
                "*.example.com",
                "10.0.0.0/8",
                "https://x.example",
                "x.example/",
                "0.0.0.0",
                "::",
                "me:s3cret@x.example",
                "two words",
            )
        ),
        ({"MCP_PUBLIC_BASE_URL": "mcp.example.com"}, "must be a full URL"),
        ({"MCP_PUBLIC_BASE_URL": "https://mcp.example.com/mcp"}, "ends with /mcp, the path of"),
        ({"MCP_PUBLIC_BASE_URL": "https://mcp.example.com/mcp/"}, "write it without, like https"),
        ({"MCP_TRUST_PROXY": "everyone"}, "must be IP addresses or networks"),
        ({"MCP_TLS_KEY_PATH": __file__}, "must be set together"),
        ({"MCP_TLS_CERT_PATH": "/nowhere.pem"}, "MCP_TLS_CERT_PATH: path does not point"),
        ({"MCP_TLS_CA_PATH": __file__}, "MCP_TLS_CA_PATH needs"),
    ],
)
def test_a_wrong_value_is_refused_with_the_cure_and_without_secrets(load, variables, message):
    with pytest.raises(ConfigurationError) as caught:
        load(**variables)

    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("${MCP_AUTH_S3CRET_TOKEN}", "is a placeholder that was not replaced, so no token"),
        ("prefix-of-${S3CRET_TOKEN}", "is a placeholder that was not replaced, so no token"),
        ("$MCP_AUTH_S3CRET_TOKEN", "is a placeholder that was not replaced, so no token"),
        ("$env:MCP_AUTH_S3CRET_TOKEN", "is a placeholder that was not replaced, so no token"),
        ("$(openssl rand -hex 32 # s3cret)", "is a placeholder that was not replaced"),
        ("%MCP_AUTH_S3CRET_TOKEN%", "is a placeholder that was not replaced, so no token"),
        ("Bearer s3cret-s3cret-s3cret", "begins with the word Bearer"),
        ("bearer\ts3cret-s3cret-s3cret", "begins with the word Bearer"),
        ("Authorization: Bearer s3cret-s3cret", "begins with the word Bearer"),
        ('"s3cret-s3cret-s3cret"', "contains a space, a line break, quotes"),
        ("'s3cret-s3cret-s3cret'", "contains a space, a line break, quotes"),
        ("'s3cret-s3cret-s3cret", "copy the token again, without quotes"),
        ("s3cret-s3cret-s3cret'", "copy the token again, without quotes"),
        (" s3cret-s3cret-s3cret", "contains a space"),
        ("s3cret-s3cret-s3cret\n", "contains a space, a line break"),
        ("s3cret-s3cret s3cret", "contains a space"),
        ("s3cret-s3cret-s3cret\u00e9", "another character that tokens do not have"),
    ],
)
@pytest.mark.parametrize("in_object", [False, True], ids=["MCP_AUTH_TOKEN", "MCP_AUTH_TOKENS"])
def test_a_token_that_no_client_can_send_is_refused_without_repeating_it(
    load, token, problem, in_object
):
    value = json.dumps({"ada": TOKEN, "ben": token}) if in_object else token
    name = "MCP_AUTH_TOKENS" if in_object else "MCP_AUTH_TOKEN"

    with pytest.raises(ConfigurationError) as caught:
        load(**{name: value})

    message = str(caught.value)
    assert message.startswith(f"{name}: a token " if in_object else f"{name} ")
    assert problem in message
    assert "s3cret" not in message.lower()
    assert message.count("\n") == 0


@pytest.mark.parametrize("token", ["bearer-of-a-long-token", "a-$b-long-<token>-100%", 16 * "t"])
def test_a_token_that_only_looks_a_little_wrong_is_accepted(load, token):
    assert load(MCP_AUTH_TOKEN=token).tokens == {"default": token}


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({"MCP_PORT": "tcp://10.0.0.1:3000"}, 3000),
        ({"MCP_PORT": "udp://10.0.0.1:53", "PORT": "8080"}, 8080),
    ],
)
def test_the_address_of_a_kubernetes_service_is_no_port(load, variables, port):
    hosting = load(**variables)

    assert hosting.port == port
    assert len(hosting.warnings) == 1
    assert hosting.warnings[0].startswith("MCP_PORT is ignored: Kubernetes sets it")


def test_an_option_wins_over_the_address_of_a_kubernetes_service(monkeypatch):
    monkeypatch.setenv("MCP_PORT", "tcp://10.0.0.1:3000")

    assert load_hosting(MCP_PORT=8080).port == 8080


@pytest.mark.parametrize("url", ["https://redis.example", "redis://[", "not a URL"])
def test_a_redis_url_is_ignored_while_nothing_is_kept_in_redis(load, url):
    hosting = load(REDIS_URL=url)

    assert hosting.warnings == []
    assert url in hosting.secrets


@pytest.mark.parametrize(
    ("variables", "is_warned"),
    [
        ({"CLERK_AUDIENCE": "https://mcp.example.com/mcp"}, False),
        ({"CLERK_AUTHORIZED_PARTIES": "https://app.example.com"}, True),
        ({"CLERK_AUDIENCE": "mcp", "CLERK_AUTHORIZED_PARTIES": "https://app.example.com"}, False),
    ],
)
def test_clerk_without_an_audience_needs_applications_and_warns(load, variables, is_warned):
    hosting = load(MCP_AUTH_MODE="clerk", CLERK_ISSUER="https://clerk.example.com", **variables)

    assert [text for text in hosting.warnings if "CLERK_AUDIENCE is not set" in text] == (
        hosting.warnings
    )
    assert bool(hosting.warnings) == is_warned


def test_every_secret_is_masked_in_logs_also_inside_the_address_of_redis(load):
    key = base64.b64encode(b"k" * 32).decode()
    hosting = load(
        MCP_AUTH_TOKEN=TOKEN,
        MCP_AUTH_TOKENS='{"ada": "a-token-of-adas-own"}',
        MCP_EVENT_STORE="redis",
        MCP_EVENT_ENCRYPTION_KEY=key,
        MCP_REDIS_URL="redis://me:pass%2Fword@10.0.0.7:6379",
    )

    assert {TOKEN, "a-token-of-adas-own", key, "pass%2Fword", "pass/word"} <= {*hosting.secrets}


@pytest.mark.parametrize(
    ("variables", "sandbox", "is_served"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"MCP_HOST": "0.0.0.0"}, True, False),
        ({"MCP_HOST": "192.168.1.5", "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true"}, False, False),
        ({"MCP_ALLOW_UNAUTHENTICATED_HTTP": "true"}, False, True),
        ({"MCP_HOST": "localhost", "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true"}, False, True),
        ({"MCP_HOST": "0.0.0.0", "MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}, False, True),
    ],
)
def test_serving_without_authentication_is_refused_unless_explicit(
    load, variables, sandbox, is_served
):
    hosting = load(**variables)

    if is_served:
        hosting.require_access_control(sandbox)
    else:
        with pytest.raises(ValueError, match="set MCP_AUTH_MODE=bearer"):
            hosting.require_access_control(sandbox)


def test_no_secret_is_shown_with_the_settings():
    hosting = Hosting(
        MCP_AUTH_TOKEN="s3cret-s3cret-s3cret",
        MCP_REDIS_URL="redis://:s3cret@x",
        MCP_EVENT_ENCRYPTION_KEY="s3cret",
    )

    assert "s3cret" not in repr(hosting)
