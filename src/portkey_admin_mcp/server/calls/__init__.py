"""One tool call: arguments, execution, presentation, errors as advice, open request ids.

Code for a transport or the SDK does not belong here.
"""
