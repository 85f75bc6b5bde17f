"""The page at `/tools`, on which a person looks through the tools that they are offered.

Without authentication everybody is offered the same, and the page contains it. With it the page
contains nothing: its script reads `/tools/offered` with the caller's token.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....settings.hosting import Hosting
from ...calls.tool_calls import ToolCalls
from ...offer.offer import ListedTool
from .headers import NO_STORE
from .page_assets import page_endpoint
from .paths import OFFERED_TOOLS, TOOLS
from .service_info import ServiceInfo

MAX_VALUES = 12
"""Values of an argument that are named; of more, these and a sign that there are others."""
EFFECTS = {
    "read": "Reads",
    "create": "Creates",
    "overwrite": "Overwrites",
    "delete": "Deletes",
}
"""What is written for each effect of a tool, in the order of the filter."""

LINE_BREAK = re.compile(r"(?<!\n)\n(?![\n*-])")
"""The end of a line inside a paragraph, which is wrapped anew at the width of the page."""

Page = Callable[[Request], Awaitable[Response]]


class Argument(NamedTuple):
    """An argument of a tool, in words."""

    name: str
    type: str
    required: bool
    description: str


def tools_routes(hosting: Hosting, info: ServiceInfo, calls: ToolCalls | None) -> list[Route]:
    """The page, and what its script reads; none for a service that offers no tools of ours."""
    if calls is None:
        return []
    return [Route(TOOLS, _page(hosting, info, calls)), Route(OFFERED_TOOLS, _offered(calls))]


def rows_of(tools: Iterable[ListedTool]) -> list[dict[str, Any]]:
    """Tools as the page shows them: name, domain, effect, texts and arguments."""
    return [
        {
            "name": tool.name,
            "domain": tool.domain,
            "effect": tool.effect,
            "brief": tool.summary,
            "description": LINE_BREAK.sub(" ", tool.description),
            "arguments": [argument._asdict() for argument in arguments_of(tool.input_schema)],
        }
        for tool in tools
    ]


def arguments_of(schema: dict[str, Any]) -> list[Argument]:
    """The arguments in the JSON Schema of a tool; those that are required come first."""
    required = schema.get("required", ())
    arguments = [
        Argument(name, type_in_words(each), name in required, each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
    ]
    return sorted(arguments, key=lambda argument: not argument.required)


def type_in_words(schema: dict[str, Any]) -> str:
    """What values a JSON Schema allows: `text`, `list of text`, or the values that there are."""
    if values := [str(value) for value in schema.get("enum", ()) if value is not None]:
        return " | ".join([*values[:MAX_VALUES], *(["…"] if len(values) > MAX_VALUES else [])])
    types = schema.get("type", "any")
    names = [types] if isinstance(types, str) else [name for name in types if name != "null"]
    return " or ".join(_type_in_words(name, schema) for name in names)


def _type_in_words(name: str, schema: dict[str, Any]) -> str:
    if name == "array":
        items = schema.get("items")
        return f"list of {type_in_words(items)}" if items else "list"
    plain = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return plain.get(name, name)


def _page(hosting: Hosting, info: ServiceInfo, calls: ToolCalls) -> Page:
    """The page, which is the same for everybody."""
    is_open = hosting.auth_mode == "none"
    return page_endpoint(
        "tools",
        lambda: {
            "info": info,
            "is_open": is_open,
            "tools": rows_of(calls.offer.tools.values()) if is_open else [],
            "effects": EFFECTS,
        },
    )


def _offered(calls: ToolCalls) -> Page:
    """What the caller of the request is offered, and which of it their policy denies."""

    async def offered(_request: Request) -> Response:
        limits = await calls.limits()
        tools = rows_of(calls.offer.current.tools.values())
        content = {"tools": tools, "denied": sorted(limits.denied)}
        return JSONResponse(content, headers=NO_STORE)

    return offered
