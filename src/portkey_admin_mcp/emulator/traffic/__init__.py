"""A month of requests, generated, behind logs and analytics.

Serves no endpoint itself.
"""
