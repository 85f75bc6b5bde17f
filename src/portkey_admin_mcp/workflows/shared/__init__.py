"""What several workflows share: reading many lists, what was not read, short answers.

No tool, and nothing about one workflow, belongs here.
"""
