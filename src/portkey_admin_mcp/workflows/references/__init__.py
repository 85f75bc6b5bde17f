"""What `find_references` is made of: the search in stored objects, and the answer.

The tool itself is in the folder above.
"""
