"""The commands, one module each; the only place that prints to a person.

No rule of Portkey or of MCP lives here.
"""
