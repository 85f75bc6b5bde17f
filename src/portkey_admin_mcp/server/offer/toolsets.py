"""What the request being served is limited to. Standard library only."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

Domains = frozenset[str]


class Selection(NamedTuple):
    """What a request may use; each of these can only narrow what the settings allow.

    `domains` is None for all of them. Each set of `workspaces`, by id or slug, is a limit of its
    own: what the request reaches must be in every one.
    """

    domains: Domains | None = None
    read_only: bool = False
    workspaces: tuple[frozenset[str], ...] = ()

    def narrowed(self, other: "Selection") -> "Selection":
        """What both allow. Toolsets are those of this one: each request names its own."""
        sets = dict.fromkeys([*self.workspaces, *other.workspaces])
        return Selection(self.domains, self.read_only or other.read_only, tuple(sets))


EVERYTHING = Selection()

_selected: ContextVar[Selection | None] = ContextVar("selected", default=None)


def selected() -> Selection | None:
    """What the current request is limited to; None if it may use everything."""
    return _selected.get()


@contextmanager
def narrowed_to(selection: Selection) -> Iterator[None]:
    """Limit whatever runs inside to this selection."""
    token = _selected.set(None if selection == EVERYTHING else selection)
    try:
        yield
    finally:
        _selected.reset(token)


@contextmanager
def limited_to(domains: Domains | None) -> Iterator[None]:
    """Limit whatever runs inside to these domains."""
    with narrowed_to(Selection(domains)):
        yield
