"""Load the offer: from the manifest, or built from the tools if that is out of date."""

import os
import sys

from ..errors import ConfigurationError
from .offer.offer import FILE, Offer, ToolMode

PACKAGE = os.path.dirname(os.path.dirname(__file__))
CHECKOUT = os.path.join(PACKAGE, "..", "..", ".git")
WORKFLOW_PARTS = ("access", "budgets", "costs", "prompts", "references", "shared", "stale")
"""The packages inside `workflows`."""
SOURCES = (
    *("tools", "safety/tools", "models", "models/core", "portkey"),
    *("workflows", *(f"workflows/{part}" for part in WORKFLOW_PARTS)),
    *("server/calls", "server/mcp", "server/modes"),
)
"""The folders of the package from which the manifest is written."""


def load_offer(mode: ToolMode = "full") -> Offer:
    """Everything that can be offered, in this tool mode.

    Raises ConfigurationError if the mode needs a package that is not installed.
    """
    if mode == "code":
        from importlib.util import find_spec

        if find_spec("pydantic_monty") is None:
            raise ConfigurationError(
                "PORTKEY_TOOL_MODE=code runs code in pydantic-monty, which is not installed: "
                "pip install 'portkey-admin-mcp[code]', or set another mode."
            )
    return _current_offer().in_mode(mode)


def _current_offer() -> Offer:
    """The offer of the manifest; in a checkout with newer sources, one built from the tools.

    Building it takes a second. If it differs from the manifest, a warning is printed on stderr;
    if not, the time of the manifest is updated, so that the next start is quick.
    """
    offer = Offer.load()
    if not (os.path.exists(CHECKOUT) and _is_older_than_sources(FILE)):
        return offer
    from .mcp.definitions import build_offer

    current = build_offer().with_modern_fields(offer.modern_fields)
    if differences := offer.differences(current):
        print(  # noqa: T201  # logging may not be set up yet, and this must be seen
            "manifest.jsonl is out of date, so the tools were described anew, which takes a "
            f"second. Run `make docs`. Changed: {', '.join(differences)}",
            file=sys.stderr,
        )
    elif os.access(FILE, os.W_OK):
        os.utime(FILE)
    return current


def _is_older_than_sources(file: str) -> bool:
    written = os.stat(file).st_mtime
    return any(written < _newest(os.path.join(PACKAGE, folder)) for folder in SOURCES)


def _newest(folder: str) -> float:
    with os.scandir(folder) as entries:
        return max(e.stat().st_mtime for e in entries if e.name.endswith(".py"))
