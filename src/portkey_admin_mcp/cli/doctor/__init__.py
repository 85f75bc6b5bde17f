"""`doctor`: what of this installation works, what does not, and how to cure it.

A module for each subject yields findings; `command` runs and prints them. Nothing here changes
anything, and no finding holds a secret.
"""
