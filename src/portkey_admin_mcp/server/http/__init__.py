"""The hosted service: the tools over Streamable HTTP, with access control, sessions and pages.

Must not hold tools, nor speak HTTP to Portkey.
"""
