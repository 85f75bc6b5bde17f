"""What the models of several domains share: base classes, pages, limits, named argument types.

No model of a single domain lives here.
"""
