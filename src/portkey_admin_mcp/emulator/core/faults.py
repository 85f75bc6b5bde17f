"""Faults that tests cause: errors, canned answers, delays and closed connections, also by route."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from .answers import Refusal
from .bodies import StrictBody
from .routing import ROUTES, VERSIONS, match

Drop = Literal["before", "after"]
ANY_ROUTE = "*"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
GATEWAY_PATHS = (
    "/audio", "/batches", "/chat", "/completions", "/embeddings", "/files", "/fine_tuning",
    "/images", "/messages", "/models", "/moderations", "/rerank", "/responses",
)  # fmt: skip
"""The beginnings of paths of Portkey's gateway. The emulator does not answer them, faults may."""


class Fault(StrictBody):
    """What the next requests to a route get, `times` of them (None: all).

    With `status`, they are answered with it, and take no effect: an error in Portkey's form with
    `message`, or `body` as it is. Without `status` they are answered as usual, after `delay_ms`,
    or their connection is closed (`drop`). `retry_after` is in seconds.
    """

    route: str = ANY_ROUTE
    status: int | None = Field(None, ge=200, le=599)
    body: Any = None
    message: str = "Injected fault"
    times: int | None = Field(1, ge=1)
    retry_after: int | None = Field(None, ge=0)
    delay_ms: int = Field(0, ge=0, le=60_000)
    drop: Drop | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.status is None and not self.delay_ms and self.drop is None:
            raise ValueError("needs a status, a delay_ms or a drop; without one it does nothing")
        if self.body is not None and self.status is None:
            raise ValueError("a body needs a status")
        if self.status is not None and self.status < 400 and self.body is None:
            raise ValueError(f"status {self.status} is no error, so it needs a body")
        if problem := problem_of_route(self.route, answered=self.body is not None):
            raise ValueError(problem)
        return self


def read_fault(values: Mapping[str, Any]) -> Fault:
    """A checked fault. Raises ValueError, which names the field and the cure."""
    try:
        return Fault.model_validate(values)
    except ValidationError as error:
        raise ValueError(problem_of(error)) from None


def problem_of(error: ValidationError) -> str:
    """The first problem with faults, after the field that has it."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}".removeprefix(": ").replace("Value error, ", "")


class FaultOrder(StrictBody):
    """The faults to cause: all fields are optional, and `{}` ends all faults."""

    latency_ms: int = Field(0, ge=0, le=60_000)
    answers: list[Fault] = []
    drop: Drop | None = None
    drop_times: int = Field(1, ge=0)
    stale_reads: int = Field(0, ge=0)


@dataclass(frozen=True)
class Injected:
    """The faults of one request: a delay in seconds, a closed connection, another answer."""

    delay_s: float = 0
    drop: Drop | None = None
    fault: Fault | None = None
    """Its `status` answers the request, if it has one."""


NO_FAULT = Injected()


@dataclass
class Faults:
    """The faults that are still to come.

    Each answer is delayed by `latency_ms`. `drop` closes the next `drop_times` connections before
    or after the request takes effect. The next `stale_reads` reads see the state before the last
    write, as happens with Portkey now and then.
    """

    latency_ms: int = 0
    answers: list[Fault] = field(default_factory=list)
    drop: Drop | None = None
    drop_times: int = 0
    stale_reads: int = 0

    def take(self, method: str, path: str) -> Injected:
        """The faults of this request; counts them."""
        latency_s = self.latency_ms / 1000
        drop = self._next_drop()
        if drop == "before":
            return Injected(latency_s, drop)
        fault = self._next_answer(method, path)
        if fault is None:
            return Injected(latency_s, drop)
        return Injected(latency_s + fault.delay_ms / 1000, drop or fault.drop, fault)

    def stale(self) -> bool:
        """Whether this read sees the state before the last write; counts it."""
        if self.stale_reads < 1:
            return False
        self.stale_reads -= 1
        return True

    def _next_answer(self, method: str, path: str) -> Fault | None:
        for index, fault in enumerate(self.answers):
            if fits(fault.route, method, path):
                if fault.times is not None:
                    times = fault.times - 1
                    rest = [fault.model_copy(update={"times": times})] if times else []
                    self.answers[index : index + 1] = rest
                return fault
        return None

    def _next_drop(self) -> Drop | None:
        if self.drop is None or self.drop_times < 1:
            return None
        self.drop_times -= 1
        return self.drop


def fits(route: str, method: str, path: str) -> bool:
    """Whether a request is one of a route: `POST /configs`, `GET /configs/{slug}`, `* /logs/*`.

    A placeholder stands for one segment of the path, `*` for any text. The version at the
    beginning of the path may be left out.
    """
    if route == ANY_ROUTE:
        return True
    pattern = _pattern(route)
    return any(pattern.fullmatch(f"{method} {each}") for each in (path, without_version(path)))


def without_version(path: str) -> str:
    """A path without `/v1` or `/v2` at its beginning."""
    first, slash, rest = path[1:].partition("/")
    return f"/{rest}" if slash and first in VERSIONS else path


def problem_of_route(route: str, *, answered: bool) -> str | None:
    """Why no request can be one of a route; None if some can.

    `answered` says that the fault has a body: then the emulator need not have the endpoint.
    """
    if route == ANY_ROUTE:
        return None
    method, space, path = route.partition(" ")
    if not space or not path.startswith(("/", "*")) or method not in (*METHODS, ANY_ROUTE):
        return (
            f"route {route!r}: write a method and a path, such as 'POST /configs', "
            "'GET /configs/{slug}' or '* /configs*'; or '*' for every request"
        )
    if answered or path.startswith("*") or without_version(path).startswith(GATEWAY_PATHS):
        return None
    if any(_pattern(route).fullmatch(each) for each in _endpoints()) or _is_concrete(method, path):
        return None
    close = get_close_matches(f"{method} {without_version(path)}", _endpoints(), 1, 0.5)
    advice = f"did you mean {close[0]!r}?" if close else "write it as Portkey's API reference does"
    return (
        f"route {route!r}: the emulator has no such endpoint; {advice} "
        "(an endpoint that is not emulated can be given a whole answer, with a body)"
    )


def _endpoints() -> Mapping[str, object]:
    """The endpoints as a client sees them, also those whose path names a version."""
    plain = {without_version(e.partition(" ")[2]): e.partition(" ")[0] for e in ROUTES}
    return {**dict.fromkeys(ROUTES), **{f"{verb} {path}": None for path, verb in plain.items()}}


def _is_concrete(method: str, path: str) -> bool:
    """Whether the emulator answers this path itself, such as that of one config."""
    for candidate in (path, f"/v1{path}"):
        try:
            match(method, candidate.split("/")[1:])
        except Refusal:
            continue
        return True
    return False


@lru_cache(maxsize=256)
def _pattern(route: str) -> re.Pattern[str]:
    method, _, path = route.partition(" ")
    parts = re.split(r"(\{\w+\}|\*)", path)
    text = "".join(
        ".*" if part == "*" else r"[^/]+" if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile((r"\S+" if method == ANY_ROUTE else method) + " " + text)
