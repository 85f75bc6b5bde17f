"""The door: what a change must pass before it is sent, and the record of it afterwards.

Risk, preview, policy, freeze, confirmation, approval and journal. Nothing about MCP or HTTP.
"""
