"""What a client is offered: tools, prompts, resources and templates, and how they are listed.

Neither calls a tool nor imports the SDK; whoever answers a client asks here what there is.
"""
