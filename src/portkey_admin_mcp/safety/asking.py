"""Ask the person at the client. The server sets how, for each call; nothing here knows MCP."""

from contextvars import ContextVar
from typing import Literal, NamedTuple, Protocol


class Question(NamedTuple):
    """What a person is asked: a message, and the text to type. `binding` is the object's hash."""

    message: str
    label: str
    binding: str


class Reply(NamedTuple):
    """What came back, after how many seconds, and the `binding` of the question it answers."""

    action: Literal["accept", "decline", "cancel", "timeout"]
    typed: str = ""
    seconds: float = 0.0
    binding: str = ""
    nonce: str = ""
    """Names the question, so that its reply is used once; empty if it cannot come twice."""


class Asker(Protocol):
    """A way to ask the person at the client of the current call."""

    async def __call__(self, question: Question) -> Reply:
        """Ask, and wait for the reply; or end the call, which the client repeats with the reply."""
        ...


current_asker: ContextVar[Asker | None] = ContextVar("current_asker", default=None)
"""How to ask in the current call; None if its client cannot ask anybody."""
