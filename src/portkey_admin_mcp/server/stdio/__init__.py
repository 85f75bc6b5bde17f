"""Serve one client on standard input and output.

The answers come from `fastpath` and `mcp`; code for single methods does not belong here.
"""
