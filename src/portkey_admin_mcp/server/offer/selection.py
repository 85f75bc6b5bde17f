"""Select the tools to offer: the toolsets and single tools that the settings name."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from ...domains import GROUPS, TOOLSETS, domains_of
from ...errors import ConfigurationError
from ...settings.settings import Settings
from ...suggestions import ALL_TOOLS, suggest

if TYPE_CHECKING:
    from ...safety.policy import ToolFacts


T = TypeVar("T", bound="ToolFacts")


def selected_tools(settings: Settings, tools: list[T]) -> list[T]:
    """The tools that the settings select, in their order.

    Raises ConfigurationError for an unknown name, and if no tool is selected.
    """
    unknown = [name for name in settings.toolsets if not domains_of(name)]
    _check("PORTKEY_TOOLSETS", unknown, [*TOOLSETS, *GROUPS])
    names = [tool.name for tool in tools]
    _check("PORTKEY_TOOLS", settings.tools, names)
    _check("PORTKEY_EXCLUDE_TOOLS", settings.exclude_tools, names)
    domains = {domain for toolset in settings.toolsets for domain in domains_of(toolset)}
    selects_all = not settings.toolsets and not settings.tools
    selected = [
        tool
        for tool in tools
        if (selects_all or tool.domain in domains or tool.name in settings.tools)
        and tool.name not in settings.exclude_tools
        and (tool.effect == "read" or not settings.read_only)
    ]
    if not selected:
        raise ConfigurationError(
            "PORTKEY_TOOLSETS, PORTKEY_TOOLS, PORTKEY_EXCLUDE_TOOLS and PORTKEY_READ_ONLY leave no "
            "tool to offer. Name another toolset, or unset one of them."
        )
    return selected


def _check(setting: str, names: Iterable[str], available: list[str]) -> None:
    for name in names:
        if name not in available:
            advice = nearest(name, available)
            raise ConfigurationError(f"{setting}: there is no {name!r}; {advice}")


def nearest(name: str, available: list[str]) -> str:
    """The names nearest to an unknown one; all names, if none is near and they are few."""
    if hint := suggest(name, available):
        return hint
    names = f"there are {', '.join(available)}"
    return names if len(available) < 50 else ALL_TOOLS
