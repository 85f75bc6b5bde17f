"""Types of arguments that a shell can complete: the names of tools, and a tool's arguments."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class ToolName(click.ParamType[str]):
    """The name of a tool."""

    name = "tool"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """The tools whose names begin with the typed text."""
        from .completions import tools_for

        return tools_for(ctx, incomplete)


class ToolArgument(click.ParamType[str]):
    """An argument of a tool, as `name=value`."""

    name = "argument"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """The names of arguments, or the values of the one that is typed."""
        from .completions import arguments_for

        return arguments_for(ctx, incomplete)


TOOL_NAME = ToolName()
TOOL_ARGUMENT = ToolArgument()
