"""Serving one client on standard input and output.

The answers themselves come from `fastpath` and `mcp`.
"""
