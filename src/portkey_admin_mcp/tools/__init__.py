"""One function per Portkey endpoint, one file per domain."""

from . import api_keys, configs, users, virtual_keys, workspaces

DOMAINS = (users, workspaces, configs, api_keys, virtual_keys)
