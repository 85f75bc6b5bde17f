"""Event logs, in memory and in Redis, and the endpoint that resumes a stream from a log.

Code about tools, sessions or authentication does not belong here.
"""
