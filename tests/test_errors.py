"""The family of errors."""

import inspect
import re

import pytest

from portkey_admin_mcp import errors
from portkey_admin_mcp.errors import (
    ApiError,
    NotAvailable,
    OutcomeUnknown,
    PortkeyAdminError,
    Unavailable,
    error_for_status,
)


@pytest.mark.parametrize("write", [False, True])
def test_every_status_that_is_no_success_is_some_error(write):
    kinds = {status: error_for_status(status, write=write) for status in range(300, 600)}

    assert all(issubclass(kind, ApiError) for kind in kinds.values())
    lost = [status for status, kind in kinds.items() if issubclass(kind, Unavailable)]
    assert lost == [status for status in range(500, 600) if status != 501]
    assert kinds[405] is kinds[501] is NotAvailable
    assert {kinds[status] for status in lost} == {OutcomeUnknown if write else Unavailable}


def test_the_family_is_as_its_docstring_draws_it():
    drawn, above = {}, [Exception]
    for indent, name in re.findall(r"^( *)\* (\w+)", errors.__doc__, re.MULTILINE):
        del above[len(indent) // 2 + 1 :]
        drawn[name] = above[-1].__name__
        above.append(getattr(errors, name))

    classes = inspect.getmembers(errors, inspect.isclass)
    assert drawn == {name: cls.__base__.__name__ for name, cls in classes}
    assert all(issubclass(cls, PortkeyAdminError) for _, cls in classes)
