"""The client of Portkey: requests (`api`), bytes and proxies (`transport`), tools (`catalog`).

Code for MCP or for a single domain does not belong here.
"""
