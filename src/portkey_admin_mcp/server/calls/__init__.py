"""One tool call: arguments, execution, presentation, errors as advice.

Code for a transport or the SDK does not belong here.
"""
