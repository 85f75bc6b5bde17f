"""The generated pages that need more than a table: recipes, and the messages of errors.

What only formats the catalog or the settings is in `write_docs.py` and does not belong here.
"""
