"""The settings of the environment and .env files, checks of addresses, and logging.

Requests to Portkey and MCP do not belong here.
"""
