"""A progress bar on standard error, if a person sees it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Shows how far something is."""

    def __call__(self, done: int, total: int | None) -> None:
        """So much is done, of so much if that is known."""
        ...


@contextmanager
def progress_bar(title: str, *, is_shown: bool) -> Iterator[Progress]:
    """A bar with a title while the block runs; without `is_shown`, nothing is printed."""
    if not is_shown:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield show
