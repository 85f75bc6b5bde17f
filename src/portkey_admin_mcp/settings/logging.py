"""Logging: to stderr only, as text or JSON, with secrets masked."""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Literal

from .secret_values import MIN_MASKED_LENGTH

PACKAGE = __name__.partition(".")[0]
LIBRARY_LEVEL = logging.WARNING
"""Libraries are logged from here only: below, they log headers, URLs and answers with new keys."""
SERVER_LOGGER = "uvicorn"
"""The one library whose INFO is logged: the address it listens on, and when it stops."""
ACCESS_LOGGER = "uvicorn.access"

USER = re.compile(r"(?<=://)[^\s/?#]+@")
QUERY = re.compile(r"(?<=://)([^\s?#\"'<>]+)\?[^\s\"'<>]+")


SecretSource = Callable[[], str]
"""Returns a secret that belongs to what runs now; empty if there is none."""


class MaskingFormatter(logging.Formatter):
    """Formats a record as one line of text or JSON, with all secrets replaced by `***`.

    Those are the given secrets, and the user, password and query of every URL: a link with a
    signature in its query opens a file without a key.
    """

    def __init__(self, form: Literal["text", "json"], secrets: Iterable[str]) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self.form = form
        self._secrets: list[str] = []
        self._sources: list[SecretSource] = []
        self.add_secrets(secrets)

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Mask these from now on too; those shorter than MIN_MASKED_LENGTH are not masked."""
        long_enough = {secret for secret in secrets if len(secret) >= MIN_MASKED_LENGTH}
        # The longest first: one secret may be a part of another.
        self._secrets = sorted({*self._secrets, *long_enough}, key=len, reverse=True)

    def add_source(self, source: SecretSource) -> None:
        """Mask in each line the secret that this function returns for it, too."""
        if source not in self._sources:
            self._sources.append(source)

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; a line break in a logged value cannot start another record.

        As text, a traceback follows on indented lines.
        """
        entry = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        # Masked before escaping, because an escaped secret may look different.
        entry = {name: self._masked(value) for name, value in entry.items()}
        if self.form == "json":
            return json.dumps(entry)
        head = f"{entry['time']} {record.levelname} {entry['logger']}: {entry['message']}"
        rest = entry.get("traceback", "").splitlines()
        return "\n    ".join(map(_printable, [head, *rest]))

    def _masked(self, text: str) -> str:
        for secret in (*(source() for source in self._sources), *self._secrets):
            if len(secret) >= MIN_MASKED_LENGTH:
                text = text.replace(secret, "***")
        return QUERY.sub(r"\1?***", USER.sub("***@", text))


def configure_logging(
    level: str, form: Literal["text", "json"], secrets: Iterable[str] = ()
) -> None:
    """Send every log of this process to stderr. Called once, at start.

    This package is logged from `level` on, libraries from WARNING or above.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter(form, secrets))
    number: int = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, LIBRARY_LEVEL), handlers=[handler], force=True)
    logging.getLogger(PACKAGE).setLevel(number)
    logging.getLogger(SERVER_LOGGER).setLevel(max(number, logging.INFO))
    logging.getLogger(ACCESS_LOGGER).addFilter(_remove_query)


def mask_in_logs(secrets: Iterable[str]) -> None:
    """Mask these texts in all later lines of the log that `configure_logging` set up."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, MaskingFormatter):
            handler.formatter.add_secrets(secrets)


def mask_current_in_logs(source: SecretSource) -> None:
    """Mask what this function returns when a line is logged, in the log that was set up."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, MaskingFormatter):
            handler.formatter.add_source(source)


def _remove_query(record: logging.LogRecord) -> bool:
    """Remove the query from a line of the access log of a host that runs the application itself.

    The command `http` writes no access log.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
        )
    return True


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
