"""MCP as the SDK speaks it: the server, prompts, resources, completions.

The only place that uses private names of the SDK.
"""
