"""The entries of a stream in Redis: encrypted, and checked when they are read."""

import json
import logging
import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .event_log import Call

NONCE_BYTES = 12

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One entry of a stream, decrypted."""

    position: str
    message: str | None
    last: bool
    call: Call | None


class ForeignData:
    """Logs once that there is something under our keys that this service did not write."""

    def __init__(self) -> None:
        self._is_reported = False

    def report(self, place: str) -> None:
        """Log a warning that names the place, unless one was logged before."""
        if not self._is_reported:
            self._is_reported = True
            log.warning(
                "skipped data in Redis that this service did not write, or wrote with another "
                "MCP_EVENT_ENCRYPTION_KEY: %s; more of it will not be logged",
                place,
            )


class EntryCipher:
    """Encrypts entries for the stream with a key, and decrypts them.

    The key is authenticated too: an entry cannot be moved to another principal's stream.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def message(self, key: str, message: str | None) -> bytes:
        """A message, encrypted."""
        return self._encrypted(key, message or "")

    def call(self, key: str, call: Call | None) -> bytes:
        """The request of a stream, encrypted."""
        return self._encrypted(_call_key(key), json.dumps(call))

    def entry(self, key: str, position: bytes, fields: dict[bytes, bytes]) -> Entry:
        """Decrypt an entry. Raises ValueError if it is not one that this service wrote."""
        try:
            message = self._decrypted(key, fields[b"m"])
            # Earlier versions did not write the call.
            call = (
                json.loads(self._decrypted(_call_key(key), fields[b"c"]))
                if b"c" in fields
                else None
            )
            is_last = fields[b"l"] == b"1"
        except (KeyError, InvalidTag) as error:
            raise ValueError("an entry of another origin") from error
        return Entry(position.decode(), message or None, is_last, call and Call(*call))

    def _encrypted(self, key: str, text: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), key.encode())

    def _decrypted(self, key: str, encrypted: bytes) -> str:
        nonce, content = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        return self._cipher.decrypt(nonce, content, key.encode()).decode()


def _call_key(key: str) -> str:
    """What is authenticated with the request of a stream, so that it is not taken for a message."""
    return f"{key}:call"
