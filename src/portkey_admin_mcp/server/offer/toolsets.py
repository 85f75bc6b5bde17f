"""The toolsets that the request being served is limited to. Standard library only."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Domains = frozenset[str]

_selected: ContextVar[Domains | None] = ContextVar("selected_domains", default=None)


def selected_domains() -> Domains | None:
    """The domains that the current request may use; None if it may use all."""
    return _selected.get()


@contextmanager
def limited_to(domains: Domains | None) -> Iterator[None]:
    """Limit whatever runs inside to these domains."""
    token = _selected.set(domains)
    try:
        yield
    finally:
        _selected.reset(token)
