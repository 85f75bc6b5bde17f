"""Which calls may ask a person, by what the manifest says of their tools. Standard library only."""

from collections.abc import Callable
from typing import Any

from .offer import ListedTool, Offer, called_tool


class CallsThatAsk:
    """Whether a call may ask: of a tool of high risk, of any that writes, or by the policy."""

    def __init__(
        self,
        offer: Offer,
        asks_always: bool,
        may_confirm: Callable[[ListedTool], bool] | None = None,
    ) -> None:
        self._tools = offer.tools
        self._may_confirm = may_confirm
        """Whether the policy has some call of a tool confirmed; it may change."""
        self._names = frozenset(
            tool.name
            for tool in offer.tools.values()
            if tool.may_be_high_risk or (asks_always and tool.effect != "read")
        )

    def __call__(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether the call of this tool, or of the one that it calls, may ask a person."""
        name = called_tool(name, arguments)
        if name in self._names:
            return True
        tool = self._tools.get(name)
        return tool is not None and self._may_confirm is not None and self._may_confirm(tool)
