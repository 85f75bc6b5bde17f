"""An issuer of tokens on a real socket, tokens that it did not issue, and an app that needs one."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from portkey_admin_mcp.server.http.access.auth import (
    Authentication,
    challenge_url,
    create_authenticator,
    metadata_route,
)
from portkey_admin_mcp.server.http.access.principal import principal_of
from portkey_admin_mcp.settings.hosting import Hosting

TIMEOUT_S = 20
OPENID = "/.well-known/openid-configuration"
APP = "https://app.example.com"
"""The application whose session tokens are sent."""
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()

SHARED = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}


def public(key: Any, kid: str, **more: str) -> dict[str, Any]:
    makers = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    maker = next(maker for kind, maker in makers.items() if isinstance(key, kind))
    return {**maker.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


class Issuer:
    """The server of an issuer's keys, which records its requests."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.page = json.dumps(
            {
                "keys": [
                    public(RSA, "rsa"),
                    public(EC, "ec"),
                    public(ED, "ed"),
                    public(OTHER_RSA, "encryption", use="enc"),
                    SHARED,
                    {"kty": "RSA", "kid": "broken"},
                    public(SHORT_RSA, "short"),
                ]
            }
        ).encode()
        self.documents: dict[str, bytes] | None = None
        """Other pages by path; if there are any, every other path is answered 404."""
        self.audience: str | None = None
        """The audience of its tokens."""
        self.paths: list[str] = []
        self.reached, self.answers = threading.Event(), threading.Event()
        self.answers.set()
        issuer = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.paths.append(self.path)
                issuer.reached.set()
                issuer.answers.wait(TIMEOUT_S)
                page = issuer.page
                if issuer.documents is not None:
                    page = issuer.documents.get(self.path, b"")
                self.send_response(issuer.status if page or issuer.documents is None else 404)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def publish_metadata(self) -> dict[str, bytes]:
        """Publish the metadata of OpenID Connect and the keys; the documents, to change them."""
        metadata = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.documents = {OPENID: json.dumps(metadata).encode(), "/keys": self.page}
        return self.documents

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def claims(self) -> dict[str, Any]:
        """The claims of a user who just signed in."""
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + 60}
        return {"iss": self.url, "sub": "user_1", "azp": APP, "aud": self.audience, **times}

    def token(
        self,
        key: Any = RSA,
        alg: str = "RS256",
        kid: str | None = "rsa",
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A token of a user who just signed in; claims that are None are omitted."""
        values = {
            name: value for name, value in (self.claims() | claims).items() if value is not None
        }
        named = {} if kid is None else {"kid": kid}
        return jwt.encode(values, key, alg, headers={**named, **(headers or {})})


async def show_principal(request: Request) -> Response:
    principal = principal_of(request.scope)
    return PlainTextResponse(principal.principal.replace(":", " ", 1))


def client_of(hosting: Hosting, authenticate: Any = None) -> httpx2.AsyncClient:
    app = Starlette(
        routes=[Route(path, show_principal) for path in ("/", "/health", "/mcp")]
        + metadata_route(hosting)
    )
    guarded = Authentication(
        app,
        authenticate or create_authenticator(hosting),
        challenge_url(hosting),
        frozenset({"/health", *(route.path for route in metadata_route(hosting))}),
        hosting.scopes,
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(guarded), base_url="http://127.0.0.1:3000"
    )


def bearer_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def public_pem(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form)


def signed_with_hmac(kid: str, claims: dict[str, Any], secret: bytes) -> str:
    """A token that is valid for a verifier that trusts `alg`: an HMAC with the public key."""
    signed = f"{part({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signed_with_a_short_key(issuer: Issuer) -> str:
    claims = issuer.claims()
    signed = f"{part({'alg': 'RS256', 'kid': 'short'})}.{part(claims)}"
    signature = SHORT_RSA.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_a_key_in_it(issuer: Issuer) -> str:
    headers = {"kid": "rsa", "jwk": public(OTHER_RSA, "rsa"), "jku": f"{issuer.url}/mine"}
    claims = issuer.claims()
    return jwt.encode(claims, OTHER_RSA, "RS256", headers=headers)


def with_another_subject(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    claims = {**issuer.claims(), "sub": "user_2"}
    return f"{head}.{part(claims)}.{signature}"


FORGED: dict[str, Callable[[Issuer], str]] = {
    "no algorithm": lambda i: i.token(None, "none"),
    "none, in mixed case": lambda i: f"{part({'alg': 'nOnE', 'kid': 'rsa'})}.{part({})}.",
    "HMAC with the public key": lambda i: signed_with_hmac(
        "rsa", i.claims(), public_pem(RSA.public_key())
    ),
    "an algorithm not listed": lambda i: i.token(RSA, "RS512"),
    "another key": lambda i: i.token(OTHER_RSA),
    "a key inside the token": with_a_key_in_it,
    "claims replaced": with_another_subject,
    "no signature": lambda i: i.token().rpartition(".")[0] + ".",
    "the kid of a key of another type": lambda i: i.token(EC, "ES256", "rsa"),
    "no kid": lambda i: i.token(kid=None),
    "an empty kid": lambda i: i.token(kid=""),
    "a kid that is a number": lambda i: f"{part({'alg': 'RS256', 'kid': 7})}.{part({})}.AA",
    "a key for encryption": lambda i: i.token(OTHER_RSA, kid="encryption"),
    "a key too short": signed_with_a_short_key,
    "a key that is shared": lambda i: i.token(
        "secret-secret-secret-secret-secret", "HS256", kid="shared"
    ),
    "a header nested deeply": lambda i: (
        f"{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.{part({})}.AA"
    ),
    "too long": lambda i: i.token(fill="x" * 20_000),
    "two parts": lambda i: "a.b",
    "characters outside ASCII": lambda i: "ä.ö.ü",
}
