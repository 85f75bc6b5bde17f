"""What a client is offered: tools, prompts, resources and templates, and how they are listed.

Calls of tools and imports of the SDK do not belong here.
"""
