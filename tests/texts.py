"""Texts for property tests."""

from typing import Any

from hypothesis import strategies as st

CHARACTERS = st.characters(exclude_categories=["Cs"])
"""All characters but halves of surrogate pairs.

These are the default of hypothesis, too, which would build a table of them in UTF-8: that takes
each process of a fresh checkout 1.4 s.
"""


def any_text(**sizes: Any) -> st.SearchStrategy[str]:
    """Any text in Unicode, as `st.text()`, with its `min_size` and `max_size`."""
    return st.text(CHARACTERS, **sizes)
