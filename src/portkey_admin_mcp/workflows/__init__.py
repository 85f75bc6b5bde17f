"""Tools made of several endpoints: one story per file."""

from . import delete_workspace

STORIES = (delete_workspace,)
