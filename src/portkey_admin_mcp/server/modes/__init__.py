"""The short lists of tools: search mode and code mode, and the search both of them use.

Knows neither a transport nor the SDK.
"""
