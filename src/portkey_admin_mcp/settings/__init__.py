"""The settings of the environment and .env files, checks of addresses, and logging.

No request to Portkey and no MCP here.
"""
