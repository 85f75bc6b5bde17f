"""The part of the control API that starts over, adds objects, and sets the time."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from .answers import Refusal
from .bodies import StrictBody
from .control import control
from .routing import Call
from .rows import Row
from .seed import SEEDS, Start
from .store import instant

if TYPE_CHECKING:
    from .app import Emulator


class Reset(StrictBody):
    """The seed to start over from, and the time at which the clock is to stop."""

    seed: str | None = None
    now: str | None = None


@control("POST /emulator/reset")
def _reset(emulator: "Emulator", call: Call) -> None:
    order = call.read(Reset)
    if order.seed not in (None, *SEEDS):
        raise Refusal(400, f"seed: must be one of {', '.join(SEEDS)}")
    start = None if order.seed is None else Start(order.seed)
    emulator.reset(start, None if order.now is None else _time(order.now))


@control("POST /emulator/seed")
def _seed(emulator: "Emulator", call: Call) -> None:
    name = call.body.get("name") if isinstance(call.body, dict) else None
    if name not in SEEDS:
        raise Refusal(400, f"name: must be one of {', '.join(SEEDS)}")
    emulator.reset(Start(name))


@control("POST /emulator/objects")
def _objects(emulator: "Emulator", call: Call) -> Any:
    return emulator.create_objects(call.body)


@control("GET /emulator/clock")
def _read_clock(emulator: "Emulator", call: Call) -> Row:
    return {"now": emulator.store.stamp()}


class ClockOrder(StrictBody):
    """Seconds by which to move the time forward, or the time at which to stop the clock."""

    advance_s: float | None = Field(None, ge=0, le=10**9)
    now: str | None = None


@control("POST /emulator/clock")
def _clock(emulator: "Emulator", call: Call) -> None:
    order = call.read(ClockOrder)
    if (order.advance_s is None) == (order.now is None):
        raise Refusal(400, "give either advance_s, a number of seconds, or now, a time")
    if order.advance_s is not None:
        emulator.store.advance(timedelta(seconds=order.advance_s))
    elif order.now is not None:
        emulator.set_time(_time(order.now))


def _time(text: str) -> datetime:
    try:
        return instant(text)
    except ValueError:
        raise Refusal(400, f"now: {text!r} is no time; write 2026-11-02T09:00:00Z") from None
