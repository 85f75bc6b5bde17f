"""Logs: to stderr only, as lines or as JSON, and never with a key in them."""

import json
import logging
import sys
import time
from typing import Literal

NOISY = ("httpx2", "httpcore2", "fastmcp", "mcp", "asyncio", "stamina")
"""Libraries whose own words help nobody here, and may hold addresses with queries."""


class Masked(logging.Formatter):
    """Writes a record as one line, with the known secrets blotted out."""

    def __init__(self, form: Literal["text", "json"], secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self.form = form
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole line; line breaks in a logged value cannot forge another."""
        text = super().format(record)
        if self.form == "json":
            entry = {
                "time": self.formatTime(record, self.datefmt),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            }
            if record.exc_info:
                entry["traceback"] = self.formatException(record.exc_info)
            text = json.dumps(entry)
        elif not record.exc_info:
            text = text.replace("\n", "\\n").replace("\r", "\\r")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def set_up(level: str, form: Literal["text", "json"], secrets: tuple[str, ...] = ()) -> None:
    """Send every log of this process to stderr. Called once, by `__main__`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Masked(form, secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
