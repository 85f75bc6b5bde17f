"""What a model reads of a result."""

from mcp_types import CallToolResult


def texts(result: CallToolResult) -> list[str]:
    return [block.text for block in result.content]
