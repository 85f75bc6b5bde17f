"""Serving one client on standard input and output.

What is said there is decided in `fastpath` and `mcp`.
"""
