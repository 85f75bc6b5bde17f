"""What `find_stale` is made of: the objects, the verdicts on them, scopes that were not needed.

The tool itself is in the folder above.
"""
