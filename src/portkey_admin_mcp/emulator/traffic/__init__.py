"""The requests to models behind logs and analytics, with a generated month of them.

An endpoint does not belong here.
"""
