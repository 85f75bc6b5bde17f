"""How MCP clients are configured: the table of clients, their forms, and edits of their files.

Printing, options, HTML and rules of MCP do not belong here; commands and pages use this package.
"""
