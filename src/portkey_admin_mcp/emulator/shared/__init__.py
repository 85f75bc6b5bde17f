"""Rules that several domains of the emulator follow.

An endpoint, or a rule of a single domain, does not belong here.
"""
