"""The client of Portkey: requests (`api`), bytes (`transport`, `http1`), tools (`catalog`).

Knows no MCP and no single domain.
"""
