"""People at a client, who are asked before a change of high risk."""

from typing import Any

from mcp_types import ElicitResult

GENERATIONS = ("legacy", "2026-07-28")


class Person:
    """Answers questions: `does` is an action, a name to type, or a function that returns one."""

    def __init__(self, does: Any = "accept") -> None:
        self.does = does
        self.questions: list[str] = []

    async def answer(self, context: Any, params: Any) -> ElicitResult:
        self.questions.append(params.message)
        does = await self.does() if callable(self.does) else self.does
        if does in ("decline", "cancel"):
            return ElicitResult(action=does)
        name = params.message.rpartition("type its name: ")[2] if does == "accept" else does
        return ElicitResult(action="accept", content={"name": name})
