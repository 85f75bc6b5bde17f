"""Access tokens of an OpenID Connect issuer: whose are accepted, and who their callers are."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.utils import base64url_encode

from asgi_client import Clock
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.server.http.access.auth import Authentication, create_authenticator
from portkey_admin_mcp.server.http.access.discovery import keys_url_of, metadata_urls
from portkey_admin_mcp.server.http.access.jwks import IssuerUnusable
from portkey_admin_mcp.server.http.access.oidc import (
    MAX_NAME_CHARS,
    MAX_SUBJECT_CHARS,
    OidcAuthenticator,
    claim_texts,
)
from portkey_admin_mcp.settings.hosting import Hosting
from token_issuer import (
    EC,
    ED,
    FORGED,
    OPENID,
    OTHER_RSA,
    RSA,
    Issuer,
    ago,
    bearer_header,
    client_of,
    part,
    public,
)

AUDIENCE = "https://mcp.example.com/mcp"
KEYS = "/keys"
OAUTH = "/.well-known/oauth-authorization-server"
METADATA = "/.well-known/oauth-protected-resource/mcp"

Service = Callable[..., httpx2.AsyncClient]


@pytest.fixture
def documents(issuer: Issuer) -> dict[str, bytes]:
    """The issuer's documents, with its metadata at the place of OpenID Connect."""
    return issuer.publish_metadata()


def hosting_of(issuer: Issuer, **rules: Any) -> Hosting:
    named = {"MCP_OIDC_ISSUER": issuer.url, "MCP_OIDC_AUDIENCE": AUDIENCE}
    return Hosting(MCP_AUTH_MODE="oidc", **{**named, **rules})


@pytest.fixture
def service(issuer: Issuer, documents: dict[str, bytes]) -> Service:
    """A service that accepts the issuer's tokens, with these settings and this clock."""

    def create(clock: Callable[[], float] = time.monotonic, **rules: Any) -> httpx2.AsyncClient:
        hosting = hosting_of(issuer, **rules)
        return client_of(hosting, OidcAuthenticator(hosting, clock))

    return create


async def send(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get("/mcp", headers=bearer_header(token))


async def caller_of(issuer: Issuer, rules: dict[str, Any], **claims: Any) -> Caller:
    """The caller of a token with these claims, under these settings."""
    authenticate = OidcAuthenticator(hosting_of(issuer, **rules))
    return await authenticate(f"Bearer {issuer.token(aud=AUDIENCE, **claims)}")


@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
async def test_a_caller_is_identified_by_issuer_and_subject(issuer, service, key, alg, kid):
    answer = await send(service(), issuer.token(key, alg, kid, aud=AUDIENCE))

    assert (answer.status_code, answer.text) == (200, f"oidc {issuer.url}#user_1")
    assert issuer.paths == [OAUTH, OPENID, KEYS]


def test_the_mode_selects_the_authenticator():
    hosting = Hosting(
        MCP_AUTH_MODE="oidc", MCP_OIDC_ISSUER="https://x.example", MCP_OIDC_AUDIENCE="a"
    )

    assert type(create_authenticator(hosting)) is OidcAuthenticator


async def test_a_name_that_its_owner_chose_makes_nobody_another_caller(issuer, documents):
    rules = {"MCP_OIDC_NAME_CLAIM": "preferred_username", "MCP_OIDC_ALLOWED_SUBJECTS": "a,b"}
    names = {"preferred_username": "admin", "name": "admin", "email": "admin@example.com"}

    first = await caller_of(issuer, rules, sub="a", **names)
    second = await caller_of(issuer, rules, sub="b", **names)

    assert (first.name, second.name) == ("admin", "admin")
    assert first.principal == f"oidc:{issuer.url}#a"
    assert second.principal == f"oidc:{issuer.url}#b"
    assert first.fingerprint != second.fingerprint
    assert (first.kind, second.kind) == ("oidc", "oidc")


async def test_a_name_is_no_subject_that_may_call(issuer, service):
    client = service(MCP_OIDC_ALLOWED_SUBJECTS="admin", MCP_OIDC_NAME_CLAIM="name")

    assert (await send(client, issuer.token(aud=AUDIENCE, name="admin"))).status_code == 403


@pytest.mark.parametrize(
    ("claim", "claims", "name"),
    [
        ("sub", {}, "user_1"),
        ("name", {"name": "Ada"}, "Ada"),
        ("name", {}, "user_1"),
        ("name", {"name": 7}, "user_1"),
        ("name", {"name": ""}, "user_1"),
        ("profile.name", {"profile": {"name": "Ada"}}, "Ada"),
        ("name", {"name": "Ada\u202e\n\x1b[2J\u200b"}, "Ada[2J"),
        ("name", {"name": "x" * (MAX_NAME_CHARS + 1)}, "x" * MAX_NAME_CHARS),
    ],
)
async def test_the_shown_name_is_a_claim_without_hidden_characters(
    issuer, documents, claim, claims, name
):
    assert (await caller_of(issuer, {"MCP_OIDC_NAME_CLAIM": claim}, **claims)).name == name


@pytest.mark.parametrize(
    ("path", "claims", "texts"),
    [
        ("roles", {"roles": ["a", "b"]}, ["a", "b"]),
        ("roles", {"roles": "a"}, ["a"]),
        ("roles", {"roles": ["a", 1, None, "", ["b"]]}, ["a"]),
        ("roles", {}, []),
        ("roles", {"roles": {"a": {}}}, []),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"]),
        ("realm_access.roles", {"realm_access": ["roles"]}, []),
        ("realm_access.roles", {"realm_access": {}}, []),
        ("realm_access.roles", {"roles": ["a"]}, []),
        ("cognito:groups", {"cognito:groups": ["a"]}, ["a"]),
        ("https://x.example/roles", {"https://x.example/roles": ["a"]}, ["a"]),
        ("resource_access.my.app.roles", {"resource_access": {"my.app": {"roles": ["a"]}}}, ["a"]),
        ("a.b", {"a.b": ["whole"], "a": {"b": ["inner"]}}, ["whole"]),
        ("a.b.c", {"a": {"b": 7}, "a.b": {"c": "x"}}, ["x"]),
    ],
)
def test_a_path_of_a_claim_leads_into_objects_and_to_names_with_dots(path, claims, texts):
    assert claim_texts(claims, path) == texts


async def test_roles_and_groups_come_from_the_claims_that_the_settings_name(issuer, documents):
    rules = {
        "MCP_OIDC_ROLES_CLAIM": "realm_access.roles, resource_access.portkey.roles",
        "MCP_OIDC_GROUPS_CLAIM": "cognito:groups",
    }
    claims = {
        "realm_access": {"roles": ["viewer"]},
        "resource_access": {"portkey": {"roles": ["admin"]}, "other": {"roles": ["owner"]}},
        "cognito:groups": ["ops"],
        "roles": ["root"],
    }

    caller = await caller_of(issuer, rules, **claims)

    assert caller.roles == {"viewer", "admin"}
    assert caller.groups == {"ops"}
    assert caller.claims["cognito:groups"] == ["ops"]


@pytest.mark.parametrize(
    ("rules", "claims", "status"),
    [
        ({"MCP_OIDC_ALLOWED_SUBJECTS": "user_0,user_1"}, {}, 200),
        ({"MCP_OIDC_ALLOWED_SUBJECTS": "user_0"}, {}, 403),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin,owner"}, {"r": ["admin"]}, 200),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin"}, {"r": ["member"]}, 403),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin"}, {"r": ["administrator"]}, 403),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin"}, {"g": ["admin"]}, 403),
        ({"MCP_OIDC_ALLOWED_ROLES": "admin"}, {}, 403),
        ({"MCP_OIDC_ALLOWED_GROUPS": "ops"}, {"g": ["ops", "all"]}, 200),
        ({"MCP_OIDC_ALLOWED_GROUPS": "ops"}, {"g": "ops"}, 200),
        ({"MCP_OIDC_ALLOWED_GROUPS": "ops"}, {"r": ["ops"]}, 403),
        (
            {"MCP_OIDC_ALLOWED_GROUPS": "ops", "MCP_OIDC_ALLOWED_ROLES": "admin"},
            {"g": ["ops"]},
            403,
        ),
    ],
)
async def test_only_allowed_subjects_roles_and_groups_may_call(
    issuer, service, rules, claims, status
):
    paths = {"MCP_OIDC_ROLES_CLAIM": "r", "MCP_OIDC_GROUPS_CLAIM": "g"}

    answer = await send(service(**paths, **rules), issuer.token(aud=AUDIENCE, **claims))

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"] == "insufficient_scope"
        assert answer.json()["message"].endswith("of this token is not allowed to call.")


@pytest.mark.parametrize(
    ("claims", "missing"),
    [
        ({"scope": "openid portkey.read portkey.admin"}, None),
        ({"scope": ["portkey.read", "portkey.admin"]}, None),
        ({"scp": "portkey.admin portkey.read"}, None),
        ({"scp": ["portkey.admin", "portkey.read"]}, None),
        ({"scp": "portkey.admin", "scope": "portkey.read"}, None),
        ({"scope": "portkey.read"}, "portkey.admin"),
        ({"scope": "portkey.admins portkey.read"}, "portkey.admin"),
        ({"scope": "portkey.admin,portkey.read"}, "portkey.admin, portkey.read"),
        ({"scope": {"portkey.admin": 1}}, "portkey.admin, portkey.read"),
        ({"roles": ["portkey.admin", "portkey.read"]}, "portkey.admin, portkey.read"),
        ({}, "portkey.admin, portkey.read"),
    ],
)
async def test_a_caller_is_told_which_scopes_it_needs(issuer, service, claims, missing):
    client = service(
        MCP_OIDC_REQUIRED_SCOPES="portkey.admin,portkey.read",
        MCP_PUBLIC_BASE_URL="https://mcp.example.com",
    )

    answer = await send(client, issuer.token(aud=AUDIENCE, **claims))

    assert answer.status_code == (200 if missing is None else 403)
    if missing is not None:
        message = f"This token lacks {missing} of MCP_OIDC_REQUIRED_SCOPES."
        assert answer.json() == {"error": "insufficient_scope", "message": message}
        assert answer.headers["www-authenticate"] == (
            'Bearer realm="portkey-admin-mcp", error="insufficient_scope", '
            f'error_description="{message}", scope="portkey.admin portkey.read", '
            f'resource_metadata="https://mcp.example.com{METADATA}"'
        )


async def test_a_client_without_a_token_is_told_where_to_get_one_and_with_which_scopes(
    issuer, service
):
    client = service(
        MCP_OIDC_REQUIRED_SCOPES="portkey.admin", MCP_PUBLIC_BASE_URL="https://mcp.example.com/"
    )

    refused = await client.get("/mcp")
    metadata = (await client.get(METADATA)).json()

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == (
        'Bearer realm="portkey-admin-mcp", scope="portkey.admin", '
        f'resource_metadata="https://mcp.example.com{METADATA}"'
    )
    assert metadata == {
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": [issuer.url],
        "bearer_methods_supported": ["header"],
        "resource_name": "Portkey administration",
        "scopes_supported": ["portkey.admin"],
    }


async def test_scopes_may_be_asked_for_by_another_name_than_tokens_have(issuer, service):
    client = service(
        MCP_OIDC_REQUIRED_SCOPES="portkey.admin", MCP_OIDC_REQUESTED_SCOPES="api://x/portkey.admin"
    )

    refused = await send(client, issuer.token(aud=AUDIENCE, scp="other"))

    assert 'scope="api://x/portkey.admin"' in refused.headers["www-authenticate"]
    assert (await client.get(METADATA)).json()["scopes_supported"] == ["api://x/portkey.admin"]
    accepted = await send(client, issuer.token(aud=AUDIENCE, scp="portkey.admin"))
    assert accepted.status_code == 200


async def test_without_required_scopes_none_are_asked_for(service):
    client = service()

    assert "scopes_supported" not in (await client.get(METADATA)).json()
    assert "scope=" not in (await client.get("/mcp")).headers["www-authenticate"]


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (lambda: {"exp": ago(61)}, "expired"),
        (lambda: {"nbf": ago(-90)}, "not valid yet"),
        (lambda: {"iss": "https://other.example.com"}, "another issuer than MCP_OIDC_ISSUER"),
        (lambda: {"aud": "another"}, "another audience than MCP_OIDC_AUDIENCE"),
        (lambda: {"aud": AUDIENCE + "/"}, "another audience"),
        (lambda: {"aud": AUDIENCE.removesuffix("/mcp")}, "another audience"),
        (lambda: {"aud": None}, "lacks a required claim"),
        (lambda: {"exp": None}, "lacks a required claim"),
        (lambda: {"iat": None}, "lacks a required claim"),
        (lambda: {"sub": None}, "lacks a required claim"),
        (lambda: {"sub": 7}, "not a token of the configured issuer (MCP_OIDC_ISSUER)"),
        (lambda: {"sub": " "}, "names no user"),
        (lambda: {"sub": "a\nb"}, "names no user"),
        (lambda: {"sub": "a\u202eb"}, "names no user"),
        (lambda: {"sub": "x" * (MAX_SUBJECT_CHARS + 1)}, "names no user"),
        (lambda: {"at_hash": "x"}, "not the ID token"),
        (lambda: {"c_hash": "x"}, "not the ID token"),
        (lambda: {"typ": "ID"}, "not the ID token"),
        (lambda: {"typ": "Refresh"}, "not the ID token"),
        (lambda: {"token_use": "id"}, "not the ID token"),
        (lambda: {"cnf": {"jkt": "x"}}, "bound to a key"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(issuer, service, claims, message):
    answer = await send(service(), issuer.token(**({"aud": AUDIENCE} | claims())))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    "claims",
    [
        lambda: {"aud": ["else", AUDIENCE]},
        lambda: {"exp": ago(50)},
        lambda: {"typ": "Bearer"},
        lambda: {"typ": ["ID"]},
        lambda: {"token_use": "access"},
        lambda: {"sub": "x" * MAX_SUBJECT_CHARS},
        lambda: {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
    ],
)
async def test_an_access_token_for_this_service_is_accepted(issuer, service, claims):
    answer = await send(service(), issuer.token(**({"aud": AUDIENCE} | claims())))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("leeway", "seconds", "status"), [(0, 2, 401), (5, 3, 200), (5, 7, 401), (300, 290, 200)]
)
async def test_the_allowed_difference_of_clocks_is_a_setting(
    issuer, service, leeway, seconds, status
):
    client = service(MCP_OIDC_LEEWAY_SECONDS=leeway)

    answer = await send(client, issuer.token(aud=AUDIENCE, exp=ago(seconds)))

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("at+jwt", 200),
        ("application/at+jwt", 200),
        ("AT+JWT", 200),
        ("JWT", 200),
        ("logout+jwt", 401),
        ("dpop+jwt", 401),
        ("", 200),
        (["JWT"], 401),
    ],
)
async def test_the_type_of_a_token_must_be_that_of_an_access_token(issuer, service, kind, status):
    # PyJWT leaves an empty type out.
    answer = await send(service(), issuer.token(aud=AUDIENCE, headers={"typ": kind}))

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"azp": "cli"}, 200),
        ({"azp": None, "client_id": "cli"}, 200),
        ({"azp": None, "cid": "web"}, 200),
        ({"azp": None, "appid": "web"}, 200),
        ({"azp": "other", "client_id": "cli"}, 401),
        ({"azp": "other"}, 401),
        ({"azp": ["cli"]}, 401),
        ({"azp": None}, 401),
    ],
)
async def test_only_authorized_clients_may_call(issuer, service, claims, status):
    client = service(MCP_OIDC_AUTHORIZED_PARTIES="cli, web")

    answer = await send(client, issuer.token(aud=AUDIENCE, **claims))

    assert answer.status_code == status
    if status == 401:
        assert "MCP_OIDC_AUTHORIZED_PARTIES" in answer.json()["message"]


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.b.c.d.e", "oat_01H." + "x" * 20])
async def test_an_opaque_token_is_refused_with_the_reason(issuer, service, token):
    answer = await send(service(), token)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert "let the issuer create access tokens as JWT" in answer.json()["message"]
    assert issuer.paths == []


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_token_is_refused(issuer, service, forge):
    issuer.audience = AUDIENCE

    answer = await service().get(
        "/mcp", headers=[(b"authorization", b"Bearer " + forge(issuer).encode())]
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_a_token_with_an_extension_that_must_be_understood_is_refused(issuer, service):
    token = issuer.token(aud=AUDIENCE, headers={"crit": ["x"], "x": 1})

    assert (await send(service(), token)).status_code == 401


@pytest.mark.parametrize(
    ("allowed", "alg", "status"),
    [
        ("", "RS256", 200),
        ("", "PS256", 200),
        ("", "RS512", 401),
        ("RS512", "RS512", 200),
        ("RS512", "RS256", 401),
        ("RS256,RS512", "RS512", 200),
    ],
)
async def test_only_configured_algorithms_are_accepted(issuer, service, allowed, alg, status):
    answer = await send(service(MCP_OIDC_ALGORITHMS=allowed), issuer.token(alg=alg, aud=AUDIENCE))

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({"alg": "RS256"}, 200),
        ({"alg": "RS512"}, 401),
        ({"alg": "ES256"}, 401),
        ({"alg": "HS256"}, 401),
        ({"alg": None}, 200),
    ],
)
async def test_a_key_is_used_only_for_the_algorithm_that_it_names(
    issuer, documents, service, entry, status
):
    keys = [public(EC, "ec"), {**public(RSA, "rsa"), **entry}]
    documents[KEYS] = json.dumps({"keys": keys}).encode()
    client = service(MCP_OIDC_ALGORITHMS="RS256,RS512,ES256")

    assert (await send(client, issuer.token(aud=AUDIENCE))).status_code == status


@pytest.mark.parametrize(
    ("curve", "named", "algorithm", "status"),
    [
        (ec.SECP384R1(), None, "ES384", 200),
        (ec.SECP384R1(), "ES384", "ES384", 200),
        (ec.SECP384R1(), None, "ES256", 401),
        (ec.SECP384R1(), "ES256", "ES256", 401),
        (ec.SECP256K1(), None, "ES256", 401),
        (ec.SECP256K1(), "ES256", "ES256", 401),
    ],
)
async def test_an_elliptic_key_is_used_only_for_the_algorithm_of_its_curve(
    issuer, documents, service, curve, named, algorithm, status
):
    issuer.audience = AUDIENCE
    key = ec.generate_private_key(curve)
    entry = {**public(key, "other"), "alg": named}
    documents[KEYS] = json.dumps({"keys": [public(RSA, "rsa"), entry]}).encode()
    # Signed by hand, because PyJWT refuses a key with another curve.
    hash_name = hashes.SHA384() if algorithm == "ES384" else hashes.SHA256()
    signed = f"{part({'alg': algorithm, 'kid': 'other'})}.{part(issuer.claims())}"
    numbers = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hash_name)))
    size = (curve.key_size + 7) // 8
    signature = b"".join(number.to_bytes(size, "big") for number in numbers)

    client = service(MCP_OIDC_ALGORITHMS="RS256,ES256,ES384")
    answer = await send(client, f"{signed}.{base64url_encode(signature).decode()}")

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("issuer_url", "urls"),
    [
        (
            "https://x.example",
            [f"https://x.example{OAUTH}", f"https://x.example{OPENID}"],
        ),
        (
            "https://x.example/",
            [f"https://x.example{OAUTH}", f"https://x.example{OPENID}"],
        ),
        (
            "https://x.example:8443/realms/acme/",
            [
                f"https://x.example:8443{OAUTH}/realms/acme",
                f"https://x.example:8443{OPENID}/realms/acme",
                f"https://x.example:8443/realms/acme{OPENID}",
            ],
        ),
    ],
)
def test_metadata_is_looked_for_in_all_places(issuer_url, urls):
    assert metadata_urls(issuer_url) == urls


@pytest.mark.parametrize("place", [f"{OAUTH}/a/b", f"{OPENID}/a/b", f"/a/b{OPENID}"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_issuer_may_have_a_path_and_its_metadata_each_place(
    issuer, documents, service, place, slash
):
    name = f"{issuer.url}/a/b{slash}"
    documents[place] = json.dumps({"issuer": name, "jwks_uri": issuer.url + KEYS}).encode()

    answer = await send(service(MCP_OIDC_ISSUER=name), issuer.token(aud=AUDIENCE, iss=name))

    assert (answer.status_code, answer.text) == (200, f"oidc {name}#user_1")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer: 'https://evil.example'"),
        ({"issuer": "{url}/"}, "names another issuer"),
        ({"issuer": None}, "names another issuer: 'None'"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": 7}, "has no jwks_uri"),
        ({"jwks_uri": "http://keys.example.com/keys"}, "its jwks_uri must be https"),
        ({"jwks_uri": "https://169.254.169.254/keys"}, "its jwks_uri is a private or local"),
        ({"jwks_uri": "https://u:p@x.example/keys"}, "its jwks_uri must be a full URL"),
        ({"jwks_uri": "file:///etc/passwd"}, "its jwks_uri must be a full URL"),
        ([], "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
async def test_metadata_that_cannot_be_used_is_not_and_the_log_says_why(
    issuer, documents, service, caplog, metadata, problem
):
    complete = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS}
    if isinstance(metadata, dict):
        changed = {name: str(v).format(url=issuer.url) if v else v for name, v in metadata.items()}
        metadata = complete | changed | ({"jwks_uri": 7} if metadata.get("jwks_uri") == 7 else {})
    documents[OPENID] = json.dumps(metadata).encode()

    answer = await send(service(), issuer.token(aud=AUDIENCE))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert problem in caplog.text
    assert KEYS not in issuer.paths


@pytest.mark.parametrize(
    ("name", "allow_private", "url"),
    [
        ("https://x.example", False, "http://127.0.0.1:6379/keys"),
        ("https://x.example", True, "http://localhost/keys"),
        ("https://10.0.0.1", True, "https://127.0.0.2/keys"),
    ],
)
def test_an_issuer_elsewhere_cannot_point_to_this_machine(name, allow_private, url):
    with pytest.raises(IssuerUnusable, match="on this machine, and the issuer is not"):
        keys_url_of({"issuer": name, "jwks_uri": url}, name, allow_private)


async def test_wrong_metadata_in_one_place_does_not_hide_that_in_another(
    issuer, documents, service
):
    documents[OAUTH] = json.dumps({"issuer": "https://other.example"}).encode()

    assert (await send(service(), issuer.token(aud=AUDIENCE))).status_code == 200


async def test_the_url_of_the_keys_may_have_a_query(issuer, documents, service):
    document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}{KEYS}?appid=1"}
    documents[OPENID] = json.dumps(document).encode()
    documents[f"{KEYS}?appid=1"] = documents.pop(KEYS)

    assert (await send(service(), issuer.token(aud=AUDIENCE))).status_code == 200


@pytest.mark.parametrize(("allowed", "problem"), [(False, "private or local"), (True, "")])
async def test_keys_in_a_private_network_need_the_setting(
    issuer, documents, service, caplog, allowed, problem
):
    document = {"issuer": issuer.url, "jwks_uri": "https://127.0.0.2:1/keys"}
    documents[OPENID] = json.dumps(document).encode()
    client = service(MCP_OIDC_ALLOW_PRIVATE_ISSUER=allowed)

    answer = await send(client, issuer.token(aud=AUDIENCE))

    assert answer.status_code == 503
    assert ("private or local" in caplog.text) == bool(problem)


async def test_a_new_key_is_accepted_after_a_minute_at_most_and_the_old_one_no_longer(
    issuer, documents, service
):
    clock = Clock()
    client = service(clock)
    new, old = issuer.token(OTHER_RSA, kid="new", aud=AUDIENCE), issuer.token(aud=AUDIENCE)
    statuses = [(await send(client, old)).status_code]
    documents[KEYS] = json.dumps({"keys": [public(OTHER_RSA, "new")]}).encode()

    for clock.now in (59, 60):
        statuses.append((await send(client, new)).status_code)
    statuses.append((await send(client, old)).status_code)

    assert statuses == [200, 401, 200, 401]
    assert issuer.paths == [OAUTH, OPENID, KEYS] * 2


async def test_the_caller_of_a_request_is_in_force_while_it_is_served(issuer, documents):
    seen = []

    async def record(_scope, _receive, _send):
        seen.append(current_caller.get())

    hosting = hosting_of(issuer)
    guarded = Authentication(record, create_authenticator(hosting), None, frozenset({"/health"}))
    for path, sub in (("/mcp", "a"), ("/health", "b"), ("/mcp", "c")):
        headers = [(b"authorization", f"Bearer {issuer.token(aud=AUDIENCE, sub=sub)}".encode())]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
        await guarded({**scope, "headers": headers}, None, None)

    names = [f"oidc:{issuer.url}#a", "anonymous:anybody", f"oidc:{issuer.url}#c"]
    assert [caller.principal for caller in seen] == names
