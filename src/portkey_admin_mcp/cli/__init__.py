"""The commands, one module each: the only code that prints for a person.

No rules of Portkey or of MCP belong here. No module imports slow packages at import time.
"""
