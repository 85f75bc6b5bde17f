"""The requests that the emulator was sent, for tests to assert on."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class RecordedRequest:
    """One request that reached the emulator, and the status of its answer."""

    method: str
    """In capitals: `POST`."""
    path: str
    """As it was sent, without the query: `/v1/configs`."""
    query: Mapping[str, str]
    content: bytes = field(repr=False)
    """The body, as it was sent."""
    key: str
    """The API key, masked as Portkey masks it: `ab*****xyz`; empty if none was sent."""
    key_name: str | None
    """The name of the API key: that of `GET /emulator/keys`, or its own; None if it is unknown."""
    route: str | None
    """The endpoint as the documentation writes it: `GET /configs/{slug}`; None if it is unknown."""
    status: int | None
    """The status of the answer; None if the connection was closed before the request took effect.
    """

    @property
    def body(self) -> Any:
        """The decoded JSON body; None if it is empty, a string if it is not JSON."""
        if not self.content:
            return None
        try:
            return json.loads(self.content)
        except ValueError:
            return self.content.decode("utf-8", "replace")

    def as_json(self) -> dict[str, Any]:
        """The request as a JSON object, with its decoded body."""
        values = asdict(self)
        del values["content"]
        return {**values, "body": self.body}

    def __str__(self) -> str:
        """Method, path and status: `POST /v1/configs 200`."""
        return f"{self.method} {self.path} {self.status or 'dropped'}"


class RequestLog:
    """The latest requests, oldest first: up to `limit` of them. `total` counts all."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._requests: deque[RecordedRequest] = deque(maxlen=limit)

    @property
    def limit(self) -> int:
        """How many requests are kept; 0 if none is recorded."""
        return self._requests.maxlen or 0

    def add(self, request: RecordedRequest) -> None:
        """Record a request."""
        self.total += 1
        self._requests.append(request)

    def clear(self) -> None:
        """Forget all requests."""
        self.total = 0
        self._requests.clear()

    def requests(self) -> list[RecordedRequest]:
        """The requests that are kept, oldest first."""
        return [*self._requests]


def masked_key(value: str) -> str:
    """An API key as Portkey masks it; empty for an empty one."""
    return f"{value[:2]}*****{value[-3:]}" if value else ""
