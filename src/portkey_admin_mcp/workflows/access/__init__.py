"""What `find_access` is made of: what a person has, MCP servers apart.

The tool itself is in the folder above.
"""
