"""The fast path: frequent messages are answered without the SDK.

It accepts only messages that are plain and certainly valid; all others go to the SDK.
"""
