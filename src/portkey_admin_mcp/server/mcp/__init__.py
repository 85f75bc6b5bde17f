"""The MCP server on the SDK: tools, prompts, resources, completions.

The only place that uses private names of the SDK.
"""
