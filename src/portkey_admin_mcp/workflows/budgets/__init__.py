"""What `list_budgets` is made of: reads of limits and of their use, and one limit with its pace.

The tool itself is in the folder above.
"""
