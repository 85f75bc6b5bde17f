"""Logging: to stderr only, as text or JSON, with secrets masked."""

import json
import logging
import sys
import time
from typing import Literal

NOISY_LOGGERS = ("aiohttp", "asyncio", "httpx2", "httpcore2", "mcp", "stamina")
"""Libraries logged from WARNING only: their messages may contain URLs with query strings."""


class MaskingFormatter(logging.Formatter):
    """Formats a record as one line of text or JSON, with all secrets replaced by `***`."""

    def __init__(self, form: Literal["text", "json"], secrets: tuple[str, ...]) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self.form = form
        self.secrets = secrets

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
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def configure_logging(
    level: str, form: Literal["text", "json"], secrets: tuple[str, ...] = ()
) -> None:
    """Send every log of this process to stderr, from `level` on. Called once, at start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter(form, secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel("ERROR" if level == "error" else "WARNING")


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
