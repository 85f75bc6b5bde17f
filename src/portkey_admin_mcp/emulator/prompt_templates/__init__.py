"""How the emulator renders and versions prompts.

Serves no endpoint itself.
"""
