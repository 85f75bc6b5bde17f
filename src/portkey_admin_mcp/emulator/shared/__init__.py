"""Rules that several domains of the emulator share.

Serves no endpoint by itself.
"""
