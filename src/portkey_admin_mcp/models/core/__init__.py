"""What the models of several domains share: the two kinds of model, pages, named argument types.

No model of a single domain lives here.
"""
