"""The modes with short lists of tools: search mode and code mode, and their search.

Code for a transport or the SDK does not belong here.
"""
