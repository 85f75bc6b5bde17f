"""Checks that hold for each of many values, as one test.

For checks of a millisecond: a parametrised test takes longer to be sent to a process and reported
than such a check takes to run.
"""

from collections.abc import Callable, Iterable
from inspect import Parameter, signature
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def for_each(
    values: Iterable[T], name_of: Callable[[T], str] = str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a check of one value a test of all these; its failure names each value that fails.

    The first parameter of the check is the value. Others are fixtures, which all values share.
    """

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        def test(**fixtures: Any) -> None:
            failures = {}
            checked = list(values)
            for value in checked:
                try:
                    check(value, **fixtures)
                except (AssertionError, pytest.fail.Exception) as error:
                    notes = getattr(error, "__notes__", ())  # the arguments that hypothesis found
                    failures[name_of(value)] = "\n".join([str(error), *notes])
                except Exception as error:
                    error.add_note(f"This was the check of {name_of(value)}.")
                    raise
            assert checked, "there is nothing to check"
            texts = [f"{name}: {message}" for name, message in failures.items()]
            assert not texts, "\n".join([f"{len(texts)} of {len(checked)} fail", *texts])

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        test.__module__, test.__qualname__ = check.__module__, check.__qualname__
        own = signature(check)
        fixtures = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in own.parameters.values()][1:]
        vars(test)["__signature__"] = own.replace(parameters=fixtures)
        return test

    return decorate
