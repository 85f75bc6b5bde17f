"""Event logs, and resuming a stream from one.

Knows nothing of tools.
"""
