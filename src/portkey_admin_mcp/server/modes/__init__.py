"""The short lists of tools: search mode and code mode.

Knows no transport.
"""
