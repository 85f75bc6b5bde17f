"""The garbage collector of a process that serves. Standard library only."""

import gc

MAX_YOUNG_OBJECTS = 10_000
"""How many objects may be created, beyond those that were freed, before cycles are looked for.

With Python's 700, a few calls at a time reach that again and again, although they leave no cycle.
"""


def collect_from_now_on() -> None:
    """Collect garbage from now on, and seldom; what was imported before stays, and is left out."""
    gc.freeze()
    gc.set_threshold(MAX_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()
