"""Fills in prompts and keeps their versions, for the emulator.

An endpoint does not belong here.
"""
