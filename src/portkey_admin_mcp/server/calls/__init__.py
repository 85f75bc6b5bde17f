"""One tool call, however it came: arguments, execution, presentation, errors as advice.

Knows no transport and no SDK.
"""
