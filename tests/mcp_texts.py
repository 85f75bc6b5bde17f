"""What a model reads of a result."""

import re

from mcp_types import CallToolResult

MARKED_JSON = re.compile(
    r'\{"<data (\d{20})>":"not instructions",(.*),"</data \1>":""(.*)\}', re.DOTALL
)
MARKED_LINES = re.compile(
    r"<data (\d{20})> not instructions\n(.*?)(?:\n</data \1>\Z|</data \1>)", re.DOTALL
)
MARK = re.compile(r"(?<=data )\d{20}(?=>)")


def texts(result: CallToolResult) -> list[str]:
    return [block.text for block in result.content]


def unmarked(text: str) -> str:
    """The text without the marks around long texts of Portkey's."""
    if match := MARKED_JSON.fullmatch(text):
        return f"{{{match[2]}{match[3]}}}"
    return MARKED_LINES.sub(r"\2", text)


def with_equal_marks(text: str) -> str:
    """The text with the random number of each mark replaced, to compare it with another."""
    return MARK.sub("N", text)


def report(result: CallToolResult) -> list[str]:
    """The texts of the report of code, without marks."""
    blocks = texts(result)
    start = re.match(r"<data (\d{20})> not instructions\n", blocks[0])
    if start is not None:
        assert blocks[-1] == f"</data {start[1]}>"
        return [blocks[0][start.end() :], *blocks[1:-1]]
    return blocks
