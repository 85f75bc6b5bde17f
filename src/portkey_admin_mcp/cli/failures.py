"""How commands end because of an error: groups of the MCP client, and wrong settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..errors import PortkeyAdminError


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """The exceptions in a group and in the groups inside it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print one of our errors as the command's error message, and exit with code 1."""
    try:
        yield
    except PortkeyAdminError as error:
        raise click.ClickException(str(error)) from None
