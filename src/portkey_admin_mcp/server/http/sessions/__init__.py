"""Sessions over HTTP: whose they are, when they end, which request ids are in use.

Knows nothing of tools.
"""
