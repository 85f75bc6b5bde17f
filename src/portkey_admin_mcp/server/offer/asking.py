"""Which calls may ask a person, by what the manifest says of their tools. Standard library only."""

from typing import Any

from .offer import Offer

CALL_TOOL = "call_tool"
"""The tool of search mode that calls others. Code never asks: nobody sees what it is about."""


class CallsThatAsk:
    """Whether a call may ask: of a tool that may be of high risk, or of any that writes."""

    def __init__(self, offer: Offer, asks_always: bool) -> None:
        self._names = frozenset(
            tool.name
            for tool in offer.tools.values()
            if tool.may_be_high_risk or (asks_always and tool.effect != "read")
        )

    def __call__(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether the call of this tool, or of the one that it calls, may ask a person."""
        if name == CALL_TOOL and isinstance(inner := arguments.get("name"), str):
            name = inner
        return name in self._names
