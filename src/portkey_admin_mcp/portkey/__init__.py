"""The client of Portkey: a request (`api`), bytes (`transport`), what a tool is (`catalog`).

Knows no MCP and no single domain.
"""
