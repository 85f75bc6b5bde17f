"""Answers in Portkey's form: refusals, lists, and files."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .rows import Row

CODES = {400: "AB01", 401: "AB05", 402: "AB09", 403: "AB03", 404: "AB08", 409: "AB07", 429: "AB06"}
NO_PERMISSION = "You do not have enough permissions to execute this request"


class Refusal(Exception):
    """An error answer, in Portkey's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def body(self) -> dict[str, Any]:
        """The documented form of an error; a status that Portkey lists no code for has none."""
        code = CODES.get(self.status, "AB04" if self.status >= 500 else None)
        data = (
            {"message": self.message}
            if code is None
            else {"message": self.message, "errorCode": code}
        )
        return {"success": False, "data": data}


def forbidden() -> Refusal:
    """The answer to a missing scope, and to an object that this key may not see."""
    return Refusal(403, NO_PERMISSION)


def not_found(kind: str, name: str) -> Refusal:
    """The answer to a name that nothing has: `kind` says of what, in words."""
    return Refusal(404, f"Not found: {kind} {name}")


def invalid(name: str, problem: str) -> Refusal:
    """The answer to a field with a wrong value."""
    return Refusal(400, f"Invalid request. {name}: {problem}")


class Reply(NamedTuple):
    """An answer that is not JSON: its bytes, content type and status."""

    content: bytes
    content_type: str
    status: int = 200


def list_answer(
    rows: Iterable[Row], *, total: int | None = None, render: Callable[[Row], Any] | None = None
) -> dict[str, Any]:
    """A list in Portkey's form; `total` is the number of rows unless it is given."""
    data = [(render or public)(row) for row in rows]
    return {"object": "list", "total": len(data) if total is None else total, "data": data}


def public(row: Row) -> dict[str, Any]:
    """The row without internal fields (see `Table`)."""
    return {name: value for name, value in row.items() if not name.startswith("_")}
