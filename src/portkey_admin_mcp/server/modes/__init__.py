"""Search mode and code mode, which list a few tools instead of all, and their search.

Code for a transport or the SDK does not belong here.
"""
