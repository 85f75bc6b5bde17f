"""The offer of this installation: from the manifest, or built anew if that is out of date."""

import sys

from ..errors import ConfigurationError
from .offer.offer import Offer, ToolMode


def load_offer(mode: ToolMode = "full") -> Offer:
    """Everything that can be offered, in this tool mode.

    Raises ConfigurationError where the mode needs a package that is not installed.
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
    """What the manifest says, or the tools themselves where that is out of date.

    In a source tree whose tools were changed since `make docs`, describing them anew takes a
    second; if the manifest says otherwise, that is said on stderr. An installed package never
    needs it.
    """
    offer = Offer.load()
    if offer.is_fresh:
        return offer
    from .mcp.definitions import build_offer

    current = build_offer().with_modern_fields(offer.modern_fields)
    if differences := offer.differences(current):
        print(  # noqa: T201  # logging may not be set up yet, and this must be seen
            "manifest.jsonl is out of date, so the tools were described anew, which takes a "
            f"second. Run `make docs`. Changed: {', '.join(differences)}",
            file=sys.stderr,
        )
    return current
