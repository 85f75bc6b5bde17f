"""What `explain_cost` is made of: reads of costs, exact effects, spikes, the answer.

The tool itself is in the folder above.
"""
