"""Whose Portkey key a request uses: the server's, or its caller's own.

Which one wins: a key that is configured for the principal, then X-Portkey-Api-Key, then the
server's. A header that is not used is refused, never ignored: its sender would believe that its
own key limits what the call can do.
"""

import hashlib
import hmac
import logging
from dataclasses import replace

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from ....clients.servers import KEY_HEADER
from ....errors import ConfigurationError
from ....portkey.clients import CallerKey, using_key
from ....safety.caller import Caller, current_caller
from ....settings.hosting import Hosting
from ....settings.logging import mask_in_logs
from ....settings.secret_values import check_secret
from ..request import RequestRefused, header_values
from .principal import principal_of

HEADER = "x-portkey-api-key"
MAX_KEY_CHARS = 512
FINGERPRINT_CHARS = 32

log = logging.getLogger(__name__)


class CallerKeys:
    """Chooses the key of a request. `secret` makes fingerprints, so that no key is found by them.

    `has_server_key` says whether a request without a key of its own can be served.
    Raises ConfigurationError if the configured keys are wrong.
    """

    def __init__(self, hosting: Hosting, secret: bytes, *, has_server_key: bool = True) -> None:
        self._hosting = hosting
        self._secret = secret
        self._needs_own = hosting.key_mode == "caller" or (
            hosting.key_mode == "either" and not has_server_key
        )
        self._configured: dict[str, SecretStr] = {}
        self._read()

    def reload(self) -> None:
        """Read the configured keys again; if they are wrong, log why and keep those in force."""
        try:
            self._read()
        except ConfigurationError as error:
            log.error("the callers' keys were not reloaded: %s", error)
        else:
            log.info("reloaded the keys of %d principals", len(self._configured))

    def key_of(self, principal: Caller, headers: list[str]) -> CallerKey | None:
        """The key that a request uses, with these values of the header; None for the server's.

        Raises RequestRefused for a header that is wrong or not allowed, and if a key is missing.
        """
        sent = self._sent_key(headers)
        configured = self._configured.get(principal.principal)
        if sent is not None and configured is not None:
            _require_same(sent, configured.get_secret_value())
        secret = configured or (None if sent is None else SecretStr(sent))
        if secret is not None:
            return CallerKey(secret, self._fingerprint(secret.get_secret_value()))
        if self._needs_own:
            raise RequestRefused(
                403,
                "portkey_key_required",
                f"Send your own Portkey API key in the header {KEY_HEADER}, beside Authorization: "
                "this service uses no key of its own for you.",
            )
        return None

    def _read(self) -> None:
        keys = self._hosting.read_caller_keys()
        mask_in_logs(key.get_secret_value() for key in keys.values())
        self._configured = keys

    def _sent_key(self, headers: list[str]) -> str | None:
        if not headers:
            return None
        if self._hosting.key_mode == "server":
            raise _wrong(
                "This service does not take a Portkey key from its callers "
                f"(PORTKEY_KEY_MODE=server). Remove the header {KEY_HEADER}."
            )
        if len(headers) > 1:
            raise _wrong(f"Send one header {KEY_HEADER}, not several.")
        key = headers[0]
        if not key:
            raise _wrong(f"{KEY_HEADER} is empty: write your Portkey API key there.")
        if len(key) > MAX_KEY_CHARS:
            raise _wrong(f"{KEY_HEADER} has more than {MAX_KEY_CHARS} characters.")
        try:
            check_secret(KEY_HEADER, key, "key")
        except ValueError as error:
            raise _wrong(f"{error}.") from None
        return key

    def _fingerprint(self, key: str) -> str:
        """The same for the same key only; the key cannot be found by it."""
        digest = hmac.new(self._secret, b"caller key:" + key.encode(), hashlib.sha256)
        return digest.hexdigest()[:FINGERPRINT_CHARS]


class CallerKeySelection:
    """In front of `/mcp`, after the authentication: what follows runs with the caller's key.

    The key's fingerprint becomes a part of the principal, which owns sessions and streams. The
    header ends here: nothing that follows can store or send it.
    """

    def __init__(self, app: ASGIApp, keys: CallerKeys) -> None:
        self.app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request with its key, or answer 400 or 403."""
        principal = principal_of(scope)
        try:
            key = self._keys.key_of(principal, header_values(scope, HEADER))
        except RequestRefused as refused:
            await refused.response()(scope, receive, send)
            return
        if key is None:  # then it has no header, either
            await self.app(scope, receive, send)
            return
        fingerprint = key.fingerprint
        caller = replace(current_caller.get(), principal=principal.principal, key=fingerprint)
        token = current_caller.set(caller)
        try:
            with using_key(key):
                await self.app(_without_key(scope, principal, fingerprint), receive, send)
        finally:
            current_caller.reset(token)


def _without_key(scope: Scope, principal: Caller, fingerprint: str) -> Scope:
    """The request without the header, and with the fingerprint of the key in its principal."""
    headers = [each for each in scope["headers"] if each[0] != HEADER.encode()]
    state = {**scope.get("state", {}), "principal": replace(principal, key=fingerprint)}
    return {**scope, "headers": headers, "state": state}


def _require_same(sent: str, configured: str) -> None:
    if not hmac.compare_digest(sent.encode(), configured.encode()):
        raise RequestRefused(
            403,
            "portkey_key_not_allowed",
            f"A Portkey key is configured for you here, and no other is taken. Remove the header "
            f"{KEY_HEADER}.",
        )


def _wrong(message: str) -> RequestRefused:
    return RequestRefused(400, "invalid_request", message)
