"""Sessions over HTTP: their owners, their end, and the request ids in use.

Code about tools does not belong here.
"""
