"""What the workflows of prompts share: contents, versions, variables of templates, dry runs.

No tool belongs here.
"""
