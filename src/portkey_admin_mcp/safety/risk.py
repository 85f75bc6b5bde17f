"""How much harm a call can do: the risk that its tool declares, raised by its arguments."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from ..portkey.catalog import Effect, Risk, Tool

BY_EFFECT: dict[Effect, Risk] = {
    "read": "low",
    "create": "low",
    "overwrite": "medium",
    "delete": "high",
}
NOT_RESTORABLE = "what is deleted cannot be restored"


class Rating(NamedTuple):
    """A risk, with the reasons why it is high."""

    risk: Risk
    reasons: tuple[str, ...] = ()

    def raised(self, *reasons: str) -> "Rating":
        """The same, raised to high by these reasons; unchanged without any."""
        return Rating("high", (*self.reasons, *reasons)) if reasons else self


def rating_of(tool: Tool, arguments: BaseModel) -> Rating:
    """The risk of a call by its tool and its arguments, before anything is looked up."""
    risk = BY_EFFECT[tool.effect]
    if risk == "high" and tool.is_restorable:
        risk = "medium"
    rating = Rating(risk, (NOT_RESTORABLE,) if risk == "high" else ())
    given = arguments.model_dump(mode="json", exclude_unset=True)
    reasons = [reason for condition, reason in tool.high_risk_if if matches(given, condition)]
    return rating.raised(*filter(None, [tool.high_risk]), *reasons)


def matches(arguments: Any, condition: str) -> bool:
    """Whether arguments meet a condition: `name` is given, or `name=value`.

    A dotted name goes into objects and into each item of a list: `workspaces.enabled=false`.
    """
    path, _, value = condition.partition("=")
    values = _values(arguments, path.split("."))
    if not value:
        return any(each is not None for each in values)
    return any(_text(each) == value for each in values)


def _values(node: Any, path: list[str]) -> list[Any]:
    if isinstance(node, list):
        return [value for item in node for value in _values(item, path)]
    if not path:
        return [node]
    return _values(node[path[0]], path[1:]) if isinstance(node, dict) and path[0] in node else []


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
