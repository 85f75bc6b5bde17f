"""How the emulator fills in and versions prompts.

An endpoint does not belong here.
"""
