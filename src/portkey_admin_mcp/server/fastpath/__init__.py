"""The fast path: what clients send all day, answered without the SDK.

Takes only messages that are plain and valid beyond doubt; all others are the SDK's.
"""
