"""Event logs, in memory and in Redis, the endpoint that resumes a stream, and how lost calls end.

Code about tools, sessions or authentication does not belong here.
"""
