"""The hosted service: the tools over Streamable HTTP, with access control, sessions and pages.

Tools and HTTP requests to Portkey do not belong here.
"""
