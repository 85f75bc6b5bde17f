"""Prompts and resources as FastMCP keeps them, described without what no client needs."""

from typing import Any

import mcp_types
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources.function_resource import FunctionResource
from fastmcp.resources.template import FunctionResourceTemplate

SCHEMA_NOTE = "\n\nProvide a value matching the following JSON schema"
"""What FastMCP adds to the description of an argument that has one: each is a text."""


class PlainPrompt(FunctionPrompt):
    """A prompt."""

    def to_mcp_prompt(self, **overrides: Any) -> mcp_types.Prompt:
        """Describe it in our own words alone."""
        seen = super().to_mcp_prompt(**{"_meta": None, **overrides})
        for argument in seen.arguments or ():
            argument.description = (argument.description or "").partition(SCHEMA_NOTE)[0]
        return seen


class PlainResource(FunctionResource):
    """A resource."""

    def to_mcp_resource(self, **overrides: Any) -> mcp_types.Resource:
        """Describe it without FastMCP's own metadata."""
        return super().to_mcp_resource(**{"_meta": None, **overrides})


class PlainTemplate(FunctionResourceTemplate):
    """A template of resources."""

    def to_mcp_template(self, **overrides: Any) -> mcp_types.ResourceTemplate:
        """Describe it without FastMCP's own metadata."""
        return super().to_mcp_template(**{"_meta": None, **overrides})
