"""The change journal: what was changed, by whom, from what to what; appended, never rewritten.

Each change is two lines: one before it is sent, one with its outcome. The lines form a hash chain.
"""
