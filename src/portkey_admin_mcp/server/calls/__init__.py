"""One tool call: arguments, execution, presentation, errors as advice.

Knows no transport and no SDK.
"""
