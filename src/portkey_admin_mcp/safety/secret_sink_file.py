"""The sink that writes each secret into a file of its own."""

import json
import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConfigurationError
from .secret_sink import Delivery, NewSecret

log = logging.getLogger(__name__)


class FileSink:
    """Writes secrets into new files with mode 0600, as JSON: `{"key": "…"}`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self) -> None:
        """Create the directory, with mode 0700; raises ConfigurationError if it is unusable."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_writable = os.access(self._directory, os.W_OK | os.X_OK)
        except OSError:
            is_writable = False
        if not is_writable:
            raise ConfigurationError(
                f"{self._directory} cannot be written, so the secret would be lost; nothing was "
                "sent. Set PORTKEY_SECRET_DIR to a directory that can be written"
            )

    async def deliver(self, secret: NewSecret) -> Delivery:
        """See `SecretSink`."""
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = self._directory / f"{secret.tool}-{time}-{secrets.token_hex(8)}.json"
        try:
            _write(file, json.dumps(secret.fields, ensure_ascii=False) + "\n")
        except OSError as error:
            log.exception("A secret of %s could not be written", secret.tool)
            return Delivery(
                f"{secret.names} is lost, because {file} could not be written ({error.strerror}). "
                "It can be rotated, which gives a new one."
            )
        note = f"{secret.names} is in a file on this server's machine, and shown nowhere else."
        return Delivery(note, fields={"secret_file": str(file)})


def _write(file: Path, text: str) -> None:
    """Write a new file that only this user can read, and wait until it is on the disk."""
    # O_EXCL also refuses a symbolic link, which could lead to a file that others read.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
