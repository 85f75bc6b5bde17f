"""Authentication of real requests, with an issuer of tokens on a real socket."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from asgi_client import Clock
from portkey_admin_mcp.portkey.http.slots import CALLER
from portkey_admin_mcp.server.http.access.auth import (
    Authentication,
    BearerAuthenticator,
    allow_anonymous,
    challenge_url,
    create_authenticator,
    metadata_route,
)
from portkey_admin_mcp.server.http.access.clerk import ClerkAuthenticator
from portkey_admin_mcp.server.http.access.jwks import MAX_BYTES
from portkey_admin_mcp.server.http.access.oidc import MAX_TOKEN_CHARS
from portkey_admin_mcp.settings.hosting import Hosting
from token_issuer import (
    APP,
    EC,
    ED,
    FORGED,
    OTHER_RSA,
    RSA,
    SHARED,
    TIMEOUT_S,
    Issuer,
    ago,
    bearer_header,
    client_of,
    part,
    public,
)

TOKEN = "0123456789abcdef"
REPORTS = {"o": {"id": "org_1", "rol": "admin", "per": "manage,read", "fpm": "3,2"}}
REPORTS |= {"v": 2, "fea": "u:chat,o:dashboard,uo:teams"}
"""The example in Clerk's reference: all permissions for dashboard, and only `read` for teams."""


def with_masks(masks: str) -> dict[str, Any]:
    """The claims of the example, with other bit masks of permissions."""
    return {**REPORTS, "o": {**REPORTS["o"], "fpm": masks}}


@pytest.fixture
def bearer() -> httpx2.AsyncClient:
    tokens = {"ada": "ada-has-a-token-of-her-own", "ci": "ci-has-a-token-of-its-own!"}
    return client_of(Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN=TOKEN, MCP_AUTH_TOKENS=tokens))


@pytest.fixture
def clerk(issuer: Issuer) -> Callable[..., httpx2.AsyncClient]:
    """A service that trusts the issuer's tokens for an audience or for APP.

    It has these allow lists and this clock.
    """

    def create(clock: Callable[[], float] = time.monotonic, **rules: str) -> httpx2.AsyncClient:
        if "CLERK_AUDIENCE" not in rules:
            rules = {"CLERK_AUTHORIZED_PARTIES": APP, **rules}
        hosting = Hosting(MCP_AUTH_MODE="clerk", CLERK_ISSUER=issuer.url, **rules)
        return client_of(hosting, ClerkAuthenticator(hosting, clock))

    return create


async def test_without_authentication_every_caller_is_anonymous():
    answer = await client_of(Hosting()).get("/mcp")

    assert answer.text == "anonymous anybody"


@pytest.mark.parametrize(
    ("authorization", "principal"),
    [
        (f"Bearer {TOKEN}", "bearer default"),
        (f"bearer  {TOKEN} ", "bearer default"),
        ("BEARER ada-has-a-token-of-her-own", "bearer ada"),
        ("Bearer ci-has-a-token-of-its-own!", "bearer ci"),
    ],
)
async def test_a_known_token_identifies_its_principal(bearer, authorization, principal):
    answer = await bearer.get("/mcp", headers={"Authorization": authorization})

    assert (answer.status_code, answer.text) == (200, principal)


@pytest.mark.parametrize(
    "token",
    [
        TOKEN[:-1],
        TOKEN[1:],
        TOKEN + "0",
        TOKEN + ",",
        TOKEN + ";",
        TOKEN + "\x00",
        TOKEN.upper(),
        f"{TOKEN} {TOKEN}",
        f"Bearer {TOKEN}",
        "ada",
        "ü" * 16,
    ],
)
async def test_an_unknown_token_is_refused_without_being_repeated(bearer, token):
    answer = await bearer.get("/mcp", headers=[(b"authorization", f"Bearer {token}".encode())])

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_token",
        "message": "This token is not valid for this service.",
    }
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="portkey-admin-mcp", error="invalid_token", '
        'error_description="This token is not valid for this service."'
    )
    assert answer.headers["cache-control"] == "no-store"


async def test_connections_to_portkey_are_shared_among_principals():
    callers = []

    async def record(_scope, _receive, _send):
        callers.append(CALLER.get())

    async def request(authenticate, token):
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope = {"type": "http", "path": "/mcp", "query_string": b"", "headers": headers}
        guarded = Authentication(record, authenticate, None, frozenset())
        await guarded({**scope, "method": "POST"}, None, None)

    bearers = BearerAuthenticator({"ada": "a" * 20, "ci": "c" * 20})
    await request(bearers, "a" * 20)
    await request(bearers, "c" * 20)
    await request(allow_anonymous, "any")

    assert callers == ["bearer:ada", "bearer:ci", None]


async def test_a_token_that_begins_with_another_token_is_a_token_of_its_own():
    longer = TOKEN + "-and-more"
    hosting = Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKENS={"short": TOKEN, "long": longer})
    client = client_of(hosting)
    tokens = [TOKEN, longer, longer[:-1], longer + "0"]

    answers = [await client.get("/mcp", headers=bearer_header(token)) for token in tokens]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]
    assert [answer.text for answer in answers[:2]] == ["bearer short", "bearer long"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Basic {TOKEN}"}, bearer_header("")])
async def test_a_request_without_a_token_is_asked_for_one_without_an_error_code(bearer, headers):
    answer = await bearer.get("/mcp", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="portkey-admin-mcp"'
    assert answer.json()["error"] == "unauthorized"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_public_pages_need_no_token(bearer, method):
    assert (await bearer.request(method, "/health")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/health"),
        ("OPTIONS", "/health"),
        ("GET", "/health/"),
        ("GET", "/Health"),
        ("GET", "//health"),
        ("GET", "/%68ealth"),
        ("GET", "/health;x"),
        ("GET", "/mcp/../health%2f"),
        ("GET", "/mcp/"),
        ("GET", "/MCP"),
        ("GET", "//mcp"),
        ("GET", "/nowhere"),
    ],
)
async def test_no_other_spelling_of_a_path_avoids_authentication(bearer, method, path):
    url = httpx2.URL("http://127.0.0.1:3000", raw_path=path.encode())

    assert (await bearer.request(method, url)).status_code == 401


@pytest.mark.parametrize(
    "query",
    ["access_token=x", "token=", "a=1&KEY=x", "Authorization=Bearer%20x", "%74oken=x", "token"],
)
@pytest.mark.parametrize("path", ["/mcp", "/health"])
async def test_a_token_in_the_url_is_refused_even_with_a_valid_header(bearer, path, query):
    answer = await bearer.get(f"{path}?{query}", headers=bearer_header(TOKEN))

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


async def test_other_query_parameters_are_accepted(bearer):
    answer = await bearer.get("/mcp?tools=keys,tokens&monkey=1", headers=bearer_header(TOKEN))

    assert answer.status_code == 200


async def test_two_authorization_headers_are_refused(bearer):
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]

    assert (await bearer.get("/mcp", headers=twice)).status_code == 400


@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
async def test_a_token_of_the_issuer_identifies_its_user(issuer, clerk, key, alg, kid):
    answer = await clerk().get("/mcp", headers=bearer_header(issuer.token(key, alg, kid)))

    assert (answer.status_code, answer.text) == (200, "clerk user_1")
    assert issuer.paths == ["/.well-known/jwks.json"]


@pytest.mark.parametrize("claims", [{"org_id": "org_1"}, REPORTS])
async def test_a_user_in_an_organisation_is_another_principal(issuer, clerk, claims):
    answer = await clerk().get("/mcp", headers=bearer_header(issuer.token(**claims)))

    assert answer.text == "clerk user_1@org_1"


async def test_a_refused_client_is_told_where_to_sign_in(issuer, clerk):
    client = clerk(MCP_PUBLIC_BASE_URL="https://mcp.example.com/")
    refused = await client.get("/mcp", headers=bearer_header("nonsense"))
    page = "/.well-known/oauth-protected-resource/mcp"

    metadata = (await client.get(page)).json()

    assert refused.headers["www-authenticate"] == (
        'Bearer realm="portkey-admin-mcp", error="invalid_token", '
        'error_description="This token is not a signed JWT. Opaque and encrypted tokens are not '
        "accepted, because this service does not ask the issuer about tokens; let the issuer "
        'create access tokens as JWT.", '
        f'resource_metadata="https://mcp.example.com{page}"'
    )
    assert metadata["resource"] == "https://mcp.example.com/mcp"
    assert metadata["authorization_servers"] == [issuer.url]
    assert metadata["bearer_methods_supported"] == ["header"]
    assert (await client.get(page.removesuffix("/mcp"))).json() == metadata


def test_the_mode_selects_the_authenticator():
    """If the mode were ignored, anybody could call."""
    issuer = "https://clerk.example.com"
    clerk = Hosting(MCP_AUTH_MODE="clerk", CLERK_ISSUER=issuer, CLERK_AUDIENCE="mcp")
    bearer = Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN="0123456789abcdef" * 2)

    assert isinstance(create_authenticator(clerk), ClerkAuthenticator)
    assert isinstance(create_authenticator(bearer), BearerAuthenticator)
    assert create_authenticator(Hosting()) is allow_anonymous


async def test_without_clerk_there_is_no_oauth_metadata():
    assert metadata_route(Hosting()) == []
    assert challenge_url(Hosting()) is None


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (lambda: {"exp": ago(61)}, "expired"),
        (lambda: {"nbf": ago(-90)}, "not valid yet"),
        (lambda: {"iat": ago(-90)}, "not valid yet"),
        (lambda: {"iss": "https://clerk.example.com"}, "another issuer"),
        (lambda: {"aud": "another"}, "another audience"),
        (lambda: {"aud": ["another", 1]}, "another audience"),
        (lambda: {"aud": None}, "lacks a required claim"),
        (lambda: {"exp": None}, "lacks a required claim"),
        (lambda: {"iat": None}, "lacks a required claim"),
        (lambda: {"iss": None}, "lacks a required claim"),
        (lambda: {"sub": None}, "lacks a required claim"),
        (lambda: {"sub": 7}, "not a token"),
        (lambda: {"sub": ""}, "names no user"),
        (lambda: {"sub": " "}, "names no user"),
        (lambda: {"exp": "soon"}, "not a token"),
        (lambda: {"sts": "pending"}, "not complete"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(issuer, clerk, claims, message):
    token = issuer.token(**({"aud": "mcp"} | claims()))

    answer = await clerk(CLERK_AUDIENCE="mcp,other").get("/mcp", headers=bearer_header(token))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    "claims",
    [
        lambda: {"exp": ago(50)},
        lambda: {"nbf": ago(-50), "iat": ago(-50)},
        lambda: {"nbf": None},
        lambda: {"aud": ["else", "other"]},
    ],
)
async def test_clocks_may_differ_by_a_minute_and_one_audience_is_enough(issuer, clerk, claims):
    token = issuer.token(**({"aud": "mcp"} | claims()))

    answer = await clerk(CLERK_AUDIENCE="mcp,other").get("/mcp", headers=bearer_header(token))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "any"}, 200),
        ({"azp": "https://other.example.com"}, 200),
        ({"azp": "https://elsewhere.example.com"}, 401),
        ({"azp": f"{APP}.evil.example"}, 401),
        ({"azp": [APP]}, 401),
        ({"azp": ""}, 401),
        ({"azp": None}, 401),
    ],
)
async def test_without_an_audience_the_application_must_be_a_configured_one(
    issuer, clerk, claims, status
):
    client = clerk(CLERK_AUTHORIZED_PARTIES=f"{APP}/, https://other.example.com")

    answer = await client.get("/mcp", headers=bearer_header(issuer.token(**claims)))

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error"] == "invalid_token"
        assert "CLERK_AUTHORIZED_PARTIES" in answer.json()["message"]


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"aud": "mcp"}, 200), ({"aud": "mcp", "azp": "https://x.example"}, 401), ({}, 401)],
)
async def test_audience_and_application_are_both_checked_if_both_are_set(
    issuer, clerk, claims, status
):
    client = clerk(CLERK_AUDIENCE="mcp", CLERK_AUTHORIZED_PARTIES=APP)

    answer = await client.get("/mcp", headers=bearer_header(issuer.token(**claims)))

    assert answer.status_code == status


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_token_is_refused(issuer, clerk, forge):
    token = forge(issuer).encode()

    answer = await clerk().get("/mcp", headers=[(b"authorization", b"Bearer " + token)])

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert set(issuer.paths) <= {"/.well-known/jwks.json"}


async def test_no_token_is_logged_whether_it_is_accepted_or_not(issuer, clerk, caplog):
    caplog.set_level(logging.DEBUG)
    client = clerk()
    tokens = [issuer.token(), issuer.token(sub=""), *(forge(issuer) for forge in FORGED.values())]

    for token in tokens:
        await client.get("/mcp", headers=[(b"authorization", b"Bearer " + token.encode())])
    issuer.status = 500
    await clerk().get("/mcp", headers=bearer_header(tokens[0]))

    assert "The keys at" in caplog.text
    parts = {part for token in tokens for part in token.split(".") if len(part) > 20}
    assert [part for part in parts if part in caplog.text] == []


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (lambda i: i.token(RSA, "RS512"), "algorithm that is not accepted"),
        (lambda i: f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part({})}.AA", "not accepted"),
        (lambda i: i.token(kid=None), "does not name the key"),
        (lambda i: i.token(kid=""), "does not name the key"),
        (lambda i: f"{part({'alg': 'RS256', 'kid': 'x' * MAX_TOKEN_CHARS})}.a.b", "not a token"),
    ],
    ids=["algorithm", "shared key", "no kid", "empty kid", "too long"],
)
async def test_a_token_that_no_key_can_verify_causes_no_fetch(issuer, clerk, forge, message):
    answer = await clerk().get("/mcp", headers=bearer_header(forge(issuer)))

    assert answer.status_code == 401
    assert message in answer.json()["message"]
    assert issuer.paths == []


@pytest.mark.parametrize(("length", "status"), [(MAX_TOKEN_CHARS, 200), (MAX_TOKEN_CHARS + 1, 401)])
async def test_a_token_may_have_exactly_the_maximum_length(issuer, clerk, length, status):
    # Base64 has no text of every length, so more than one key is tried.
    tokens = (
        issuer.token(*key, fill="x" * ((length - len(issuer.token(*key))) * 3 // 4 - 20 + n))
        for key in ((ED, "EdDSA", "ed"), (RSA, "RS256", "rsa"))
        for n in range(20)
    )
    token = next(token for token in tokens if len(token) == length)

    answer = await clerk().get("/mcp", headers=bearer_header(token))

    assert answer.status_code == status


@pytest.mark.parametrize(("extra_bytes", "status"), [(0, 200), (1, 503)])
async def test_the_document_of_keys_may_have_exactly_the_maximum_size(
    issuer, clerk, extra_bytes, status
):
    document = json.dumps({"keys": [public(RSA, "rsa")]}).encode()
    issuer.page = document + b" " * (MAX_BYTES - len(document) + extra_bytes)

    answer = await clerk().get("/mcp", headers=bearer_header(issuer.token()))

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("rules", "claims", "status"),
    [
        ({"CLERK_ALLOWED_SUBJECTS": "user_0,user_1"}, {}, 200),
        ({"CLERK_ALLOWED_SUBJECTS": "user_0"}, {}, 403),
        ({"CLERK_ALLOWED_ORGANIZATION_IDS": "org_1"}, {"org_id": "org_1"}, 200),
        ({"CLERK_ALLOWED_ORGANIZATION_IDS": "org_1"}, REPORTS, 200),
        ({"CLERK_ALLOWED_ORGANIZATION_IDS": "org_1"}, {}, 403),
        ({"CLERK_ALLOWED_ORGANIZATION_IDS": "org_2"}, REPORTS, 403),
        ({"CLERK_ALLOWED_ROLES": "admin"}, {"org_role": "org:admin"}, 200),
        ({"CLERK_ALLOWED_ROLES": "org:admin"}, REPORTS, 200),
        ({"CLERK_ALLOWED_ROLES": "admin"}, {"org_role": "org:member"}, 403),
        ({"CLERK_ALLOWED_ROLES": "admin"}, {"role": "admin"}, 403),
        ({"CLERK_ALLOWED_ROLES": "admin"}, {"org_role": ["admin"]}, 403),
        (
            {"CLERK_REQUIRED_PERMISSIONS": "org:a:read,b:read"},
            {"org_permissions": ["org:a:read", "org:b:read"]},
            200,
        ),
        ({"CLERK_REQUIRED_PERMISSIONS": "a:read"}, {"permissions": ["a:read", 1]}, 200),
        ({"CLERK_REQUIRED_PERMISSIONS": "a:read,b:read"}, {"permissions": ["a:read"]}, 403),
        ({"CLERK_REQUIRED_PERMISSIONS": "a"}, {"permissions": "a"}, 403),
        ({"CLERK_REQUIRED_PERMISSIONS": "dashboard:manage,org:teams:read"}, REPORTS, 200),
        ({"CLERK_REQUIRED_PERMISSIONS": "teams:manage"}, REPORTS, 403),
        ({"CLERK_REQUIRED_PERMISSIONS": "chat:manage"}, REPORTS, 403),
        ({"CLERK_REQUIRED_PERMISSIONS": "teams:read"}, with_masks("²,2"), 200),
        ({"CLERK_REQUIRED_PERMISSIONS": "teams:read"}, with_masks("-1,2"), 200),
        ({"CLERK_REQUIRED_PERMISSIONS": "dashboard:read"}, with_masks("x"), 403),
    ],
)
async def test_allow_lists_apply_to_both_versions_of_claims(issuer, clerk, rules, claims, status):
    answer = await clerk(**rules).get("/mcp", headers=bearer_header(issuer.token(**claims)))

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"] == "insufficient_scope"
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_a_description_has_only_characters_that_a_header_may_have(issuer, clerk):
    client = clerk(CLERK_REQUIRED_PERMISSIONS='a"\\ü€b')

    answer = await client.get("/mcp", headers=bearer_header(issuer.token()))

    assert answer.json()["message"] == 'This token lacks a"\\ü€b of CLERK_REQUIRED_PERMISSIONS.'
    assert 'error_description="This token lacks a????b of' in answer.headers["www-authenticate"]


async def test_keys_are_fetched_again_after_an_hour_and_not_before(issuer, clerk):
    clock = Clock()
    client = clerk(clock)
    await client.get("/mcp", headers=bearer_header(issuer.token()))

    clock.now = 3599
    await client.get("/mcp", headers=bearer_header(issuer.token()))
    before = len(issuer.paths)
    clock.now = 3600
    await client.get("/mcp", headers=bearer_header(issuer.token()))

    assert (before, len(issuer.paths)) == (1, 2)


async def test_a_new_key_is_fetched_when_a_token_names_it(issuer, clerk):
    clock = Clock()
    client = clerk(clock)
    await client.get("/mcp", headers=bearer_header(issuer.token()))
    issuer.page = json.dumps({"keys": [public(OTHER_RSA, "new")]}).encode()
    new, old = issuer.token(OTHER_RSA, kid="new"), issuer.token()

    clock.now = 60

    assert (await client.get("/mcp", headers=bearer_header(new))).status_code == 200
    assert (await client.get("/mcp", headers=bearer_header(old))).status_code == 401


async def test_many_unknown_keys_cause_one_fetch_a_minute(issuer, clerk):
    clock = Clock()
    client = clerk(clock)
    tokens = [issuer.token(ED, "EdDSA", f"unknown-{n}") for n in range(100)]
    fetches = []

    for clock.now in (0, 59, 60, 61):
        answers = await asyncio.gather(
            *(client.get("/mcp", headers=bearer_header(t)) for t in tokens)
        )
        fetches.append(len(issuer.paths))

    assert {answer.status_code for answer in answers} == {401}
    assert fetches == [1, 1, 2, 2]


async def test_concurrent_first_requests_share_one_fetch(issuer, clerk):
    client, token = clerk(), issuer.token()

    answers = await asyncio.gather(
        *(client.get("/mcp", headers=bearer_header(token)) for _ in range(30))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len(issuer.paths) == 1


async def test_a_fetch_continues_when_the_request_that_started_it_is_cancelled(issuer, clerk):
    client, token = clerk(), issuer.token()
    issuer.answers.clear()
    first = asyncio.create_task(client.get("/mcp", headers=bearer_header(token)))
    await asyncio.to_thread(issuer.reached.wait, TIMEOUT_S)

    second = asyncio.create_task(client.get("/mcp", headers=bearer_header(token)))
    first.cancel()
    await asyncio.wait([first])
    issuer.answers.set()

    assert (await second).status_code == 200
    assert len(issuer.paths) == 1


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (500, b"{}"),
        (302, json.dumps({"keys": [public(RSA, "rsa")]}).encode()),
        (204, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": 7}'),
        (200, b'{"keys": [{"kid": "rsa"}, 7]}'),
        (200, json.dumps({"keys": [SHARED]}).encode()),
        (200, b"[" * 60_000),
        (200, json.dumps({"keys": [public(RSA, "rsa")], "fill": "x" * 65536}).encode()),
    ],
    ids=[
        "fault",
        "redirect",
        "nothing",
        "HTML",
        "list",
        "number",
        "no keys",
        "shared",
        "deep",
        "large",
    ],
)
async def test_without_keys_requests_get_503_and_one_fetch_a_minute(
    issuer, clerk, caplog, status, page
):
    clock = Clock()
    client, token = clerk(clock), issuer.token()
    valid_page, issuer.page, issuer.status = issuer.page, page, status
    issuer.headers = {"Location": f"{issuer.url}/elsewhere"}

    first = await client.get("/mcp", headers=bearer_header(token))
    clock.now = 45
    second = await client.get("/mcp", headers=bearer_header(token))
    issuer.page, issuer.status, clock.now = valid_page, 200, 60
    third = await client.get("/mcp", headers=bearer_header(token))

    assert (first.status_code, first.headers["retry-after"]) == (503, "60")
    assert (second.status_code, second.headers["retry-after"]) == (503, "15")
    assert "www-authenticate" not in first.headers
    assert third.status_code == 200
    assert issuer.paths == ["/.well-known/jwks.json"] * 2
    assert caplog.text.count("cannot be read") == 1


async def test_cached_keys_stay_valid_while_the_issuer_is_down(issuer, clerk):
    clock = Clock()
    client, token = clerk(clock), issuer.token()
    await client.get("/mcp", headers=bearer_header(token))
    issuer.status, clock.now = 500, 4000

    answer = await client.get("/mcp", headers=bearer_header(token))

    assert (answer.status_code, len(issuer.paths)) == (200, 2)
