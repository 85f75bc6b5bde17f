"""The emulator as an ASGI application."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .app import Emulator

Message = MutableMapping[str, Any]


def asgi(emulator: Emulator) -> Callable[..., Awaitable[None]]:
    """The emulator as an ASGI application, for any client of Portkey's API."""

    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, has_more = b"", True
        while has_more:
            message = await receive()
            body, has_more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        injected = emulator.take_faults(scope["method"], target)
        await asyncio.sleep(injected.delay_s)
        status, extra, content = emulator.answer(scope["method"], target, headers, body, injected)
        # ASGI cannot close a connection. A body shorter than announced makes the server do it.
        dropped = injected.drop is not None
        length = len(content) + int(dropped)
        fields = {"content-type": "application/json", "content-length": str(length), **extra}
        raw = [(k.encode(), v.encode()) for k, v in fields.items()]
        await send({"type": "http.response.start", "status": status or 200, "headers": raw})
        await send({"type": "http.response.body", "body": content, "more_body": dropped})

    return app
