"""Event logs, in memory and in Redis, and the endpoint that resumes a stream from one.

Must not hold anything about tools, sessions or who may call.
"""
