"""`portkey_emulator`: an emulated organisation for a test."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ..emulator.core.answers import Refusal
from ..emulator.core.app import Emulator
from ..emulator.core.faults import ANY_ROUTE, Drop, Faults, fits, read_fault
from ..emulator.core.recorded import RecordedRequest
from ..emulator.core.seed import start_from
from ..emulator.core.seed_file import SeedError, read_seed_file
from ..emulator.core.seed_objects import Created, find_object
from ..emulator.core.store import instant, real_time, stopped_at
from . import DEFAULT_NOW, DEFAULT_SEED
from .access import Access

Seed = str | Path | Mapping[str, Any]
"""`"acme"`, `"empty"`, the path of a seed file, or what such a file holds."""
Time = datetime | str
"""A time; as text in ISO 8601. It is in UTC unless it names an offset."""
Plan = Literal["enterprise", "pro", "free"]
MAX_RECORDED = 10_000


class ControlError(Exception):
    """A control request was refused; the message says why, and the cure."""


class PortkeyEmulator(Access):
    """An emulated Portkey organisation, for one test at a time.

    Create it with `portkey_emulator()`, as a context manager with `with` or `async with`, or use
    the pytest fixture of the same name. It is served over HTTP as soon as `url` or `base_url` is
    read, from a thread of this process; `transport`, `client` and `sdk` need no socket. Threads
    may use it at the same time.
    """

    def __init__(
        self, seed: Seed = DEFAULT_SEED, now: Time | None = DEFAULT_NOW, *, traffic: bool = True
    ) -> None:
        """Create the organisation; see `portkey_emulator`."""
        self._traffic = traffic
        self._start = start_from(seed, traffic=traffic)
        self._now = None if now is None else _time(now)
        clock = real_time if self._now is None else stopped_at(self._now)
        super().__init__(Emulator(self._start, clock, recorded=MAX_RECORDED))

    # The organisation

    def reset(self, seed: Seed | None = None, now: Time | None = None) -> None:
        """Start over: from the seed and the time of the start, or from others for this once.

        Changes, faults and recorded requests are gone. It takes a fraction of a millisecond for a
        seed that was used at the same time before.
        """
        start = self._start if seed is None else start_from(seed, traffic=self._traffic)
        self._emulator.reset(start, self._now if now is None else _time(now))

    def seed(self, objects: str | Path | Mapping[str, Any]) -> Created:
        """Add objects: the content of a seed file, or its path. Adds all or none.

        Returns the objects by collection and name: `seed(…)["configs"]["Main"]["slug"]`. Raises
        SeedError, which names the place in the content and the cure.
        """
        content = objects if isinstance(objects, Mapping) else read_seed_file(Path(objects))
        try:
            return self._emulator.create_objects(content)
        except Refusal as refusal:
            source = "" if isinstance(objects, Mapping) else f"{objects}: "
            raise SeedError(f"{source}{refusal.message}") from None

    def find(self, collection: str, name: str) -> dict[str, Any]:
        """An object as it is stored, by its collection in seed files, and by name, id or slug.

        Users are found by email address. Raises LookupError if there is none.
        """
        with self._emulator.lock:
            row = find_object(self._emulator.store, collection, name)
        if row is None:
            raise LookupError(f"there is no {name!r} among the {collection}")
        return {**row}

    def set_plan(self, plan: Plan) -> None:
        """Set the plan of the organisation: endpoints that only Enterprise has are then refused."""
        self.control("POST /emulator/plan", {"plan": plan})

    def spend(self, collection: str, name: str, amount: float) -> None:
        """Spend a part of the budget of an API key or virtual key, in the unit of the budget.

        At its limit, completions with it are answered with 412. `collection` is `api_keys` or
        `virtual_keys`, and the object is named as in `find`.
        """
        row = self.find(collection, name)
        body = {"kind": collection, "id": row["id"], "amount": amount}
        self.control("POST /emulator/usage", body)

    # Time

    @property
    def now(self) -> datetime:
        """The emulated time, in UTC."""
        return self._emulator.store.now()

    def set_time(self, now: Time) -> None:
        """Stop the clock at a later time. Raises ControlError for one that has passed."""
        try:
            self._emulator.set_time(_time(now))
        except Refusal as refusal:
            raise ControlError(refusal.message) from None

    def advance(self, by: timedelta | float) -> None:
        """Move the time forward, by a timedelta or by seconds: keys expire, budgets reset."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        self.control("POST /emulator/clock", {"advance_s": seconds})

    # Faults

    def fail(
        self,
        route: str = ANY_ROUTE,
        *,
        status: int | None = None,
        times: int | None = 1,
        delay: float = 0,
        retry_after: int | None = None,
        message: str = "Injected fault",
        drop: Drop | None = None,
    ) -> None:
        """Let the next requests to a route fail, `times` of them (None: until `clear_faults`).

        `route` is a method and a path: `POST /configs`, `GET /configs/{slug}`, `* /logs/*`, or `*`
        for every request. They are answered with `status` and `message` in Portkey's form, and
        have no effect; without `status` they are answered as usual, after `delay` seconds, or
        their connection is closed (`drop`) before or after they take effect. Faults of the same
        route follow each other. Raises ValueError, also for a route that the emulator has not.
        """
        fault = {"route": route, "status": status, "times": times, "delay_ms": round(delay * 1000)}
        more = {"retry_after": retry_after, "message": message, "drop": drop}
        self._add_fault({**fault, **more})

    def respond(
        self, route: str, body: Any, *, status: int = 200, times: int | None = None
    ) -> None:
        """Answer requests to a route with this JSON body, also where the emulator has no endpoint.

        For example the gateway's: `respond("POST /chat/completions", {…})`. All of them are, unless
        `times` says how many. Raises ValueError.
        """
        self._add_fault({"route": route, "body": body, "status": status, "times": times})

    def clear_faults(self) -> None:
        """End all faults, and the answers of `respond`."""
        with self._emulator.lock:
            self._emulator.faults = Faults()

    # Requests

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests since the last reset, oldest first, without those of the control API.

        Raises RuntimeError if there were more than 10,000, because then the first are gone.
        """
        log = self._emulator.requests
        if log.total > log.limit:
            raise RuntimeError(
                f"{log.total} requests were made, of which the latest {log.limit} are kept: call "
                "clear_requests() before the part that the test asserts on"
            )
        return log.requests()

    def requests_to(self, route: str) -> list[RecordedRequest]:
        """The requests to a route, written as in `fail`."""
        return [each for each in self.requests if fits(route, each.method, each.path)]

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._emulator.requests.clear()

    # Everything else

    def control(self, endpoint: str, body: Any = None) -> Any:
        """Send a request to the control API: `control("POST /emulator/plan", {"plan": "pro"})`.

        docs/emulator.md lists them. Returns the decoded answer. Raises ControlError.
        """
        method, _, target = endpoint.partition(" ")
        content = b"" if body is None else json.dumps(body).encode()
        status, _headers, answer = self._emulator.answer(method, target, {}, content)
        decoded: Any = json.loads(answer) if answer else None
        if status >= 400:
            raise ControlError(f"{endpoint}: {decoded['data']['message']}")
        return decoded

    def __repr__(self) -> str:
        where = "not served" if self._server is None else self._server.url
        return f"<PortkeyEmulator {where}, {self._emulator.start.seed}, {self.now:%Y-%m-%d %H:%M}>"

    def _add_fault(self, values: Mapping[str, Any]) -> None:
        fault = read_fault(values)
        with self._emulator.lock:
            self._emulator.faults.answers.append(fault)


def portkey_emulator(
    seed: Seed = DEFAULT_SEED, now: Time | None = DEFAULT_NOW, *, traffic: bool = True
) -> PortkeyEmulator:
    """An emulated Portkey organisation, for `with` and `async with`.

    `seed` is what it holds: `"acme"`, a company with users, workspaces, keys and a month of
    requests; `"empty"`, an owner with a key; or a seed file, by its path or its content. The clock
    stands at `now`, and moves with `set_time` and `advance` only; with None, it is the real time.
    Without `traffic`, there is no month of requests. Raises SeedError.
    """
    return PortkeyEmulator(seed, now, traffic=traffic)


def _time(value: Time) -> datetime:
    """A time as a datetime with an offset. Raises ValueError."""
    if isinstance(value, str):
        return instant(value)
    return stopped_at(value)()
