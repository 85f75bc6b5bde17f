"""What the models of several domains share: base classes, paging, limits, named argument types.

No model of a single domain lives here.
"""
