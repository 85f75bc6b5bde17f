"""Skills (SEP-2640): this server's own, made of its prompts, and those an organisation keeps.

Contains what a skill is, where skills come from, and writing them as folders; nothing of the SDK.
"""
