"""The commands, one module each: the only code that prints for a person.

No rule of Portkey or of MCP lives here, and no module imports anything heavy at import time.
"""
