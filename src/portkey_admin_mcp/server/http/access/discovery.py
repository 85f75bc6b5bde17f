"""Find the keys of an issuer through its metadata: RFC 8414 and OpenID Connect Discovery."""

from typing import Any
from urllib.parse import urlsplit

from ....settings.addresses import check_url, is_loopback
from .jwks import FETCH_ERRORS, IssuerUnusable, fetch_json

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
MAX_LOGGED_CHARS = 200


async def find_keys_url(issuer: str, allow_private: bool) -> str:
    """The URL of an issuer's keys, from the first of its documents that names this issuer.

    Raises IssuerUnusable, or what `fetch_json` raises.
    """
    problems: list[Exception] = []
    for url in metadata_urls(issuer):
        try:
            return keys_url_of(await fetch_json(url), issuer, allow_private)
        except FETCH_ERRORS as error:
            problems.append(error)
    # A document that was read says more than one that is missing.
    raise next((each for each in problems if isinstance(each, IssuerUnusable)), problems[-1])


def metadata_urls(issuer: str) -> list[str]:
    """Where the metadata may be, in the order in which MCP's authorization has clients look."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    inserted = [f"{origin}{OAUTH}{path}", f"{origin}{OPENID}{path}"]
    return [*inserted, f"{origin}{path}{OPENID}"] if path else inserted


def keys_url_of(document: Any, issuer: str, allow_private: bool) -> str:
    """The URL of the keys in the metadata of an issuer; raises IssuerUnusable."""
    if not isinstance(document, dict):
        raise IssuerUnusable("its metadata is not a JSON object")
    named = document.get("issuer")
    if named != issuer:
        # The issuer is compared exactly, so that nobody else's metadata is used (RFC 8414, 3.3).
        raise IssuerUnusable(
            f"its metadata names another issuer: {str(named)[:MAX_LOGGED_CHARS]!r}"
        )
    url = document.get("jwks_uri")
    if not isinstance(url, str):
        raise IssuerUnusable("its metadata has no jwks_uri, the URL of its keys")
    try:
        # Some issuers have a query there, which `check_url` refuses.
        check_url("its jwks_uri", url.partition("?")[0], public=not allow_private)
    except ValueError as error:
        raise IssuerUnusable(str(error)) from None
    if _is_local(url) and not _is_local(issuer):
        raise IssuerUnusable("its jwks_uri is on this machine, and the issuer is not")
    return url


def _is_local(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
