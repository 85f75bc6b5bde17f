"""The emulator's own API, under `/emulator`: never a part of Portkey's, never under `/v1`.

| request | does |
|---|---|
| `GET /emulator/keys` | the seeded keys by name |
| `GET /emulator/state` | everything it remembers |
| `POST /emulator/reset` | start over from the seed |
| `POST /emulator/seed` `{"name": "acme"}` | start over from another seed |
| `POST /emulator/clock` `{"advance_s": 1800}` | let time pass |
| `POST /emulator/faults` `{...}` | misbehave; see `Faults` |
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from .kernel import Body, Refusal
from .seed import SEEDS
from .store import Row

if TYPE_CHECKING:
    from .app import Emulator


class Fault(Body):
    """Answer this many of the next requests with an error."""

    status: int = Field(ge=400, le=599)
    times: int = Field(1, ge=1)
    retry_after: int | None = None


class FaultOrder(Body):
    """What to do wrong: all of it optional, `{}` ends all faults."""

    latency_ms: int = Field(0, ge=0, le=60_000)
    answers: list[Fault] = []
    drop: Literal["before", "after"] | None = None
    drop_times: int = Field(1, ge=0)
    stale_reads: int = Field(0, ge=0)


@dataclass
class Faults:
    """The misbehaviour in force.

    `drop` cuts the connection before or after the request took effect; `stale_reads` answers
    that many reads from the state before the last write, as Portkey does now and then.
    """

    latency_ms: int = 0
    answers: list[Fault] = field(default_factory=list)
    drop: Literal["before", "after"] | None = None
    drop_times: int = 0
    stale_reads: int = 0

    def next(self) -> Fault | None:
        """The error due now, if any."""
        if not self.answers:
            return None
        fault = self.answers[0]
        left = fault.times - 1
        self.answers[:1] = [fault.model_copy(update={"times": left})] if left else []
        return fault

    def drops(self) -> Literal["before", "after"] | None:
        """Whether to cut this connection."""
        if self.drop is None or self.drop_times < 1:
            return None
        self.drop_times -= 1
        return self.drop

    def stale(self) -> bool:
        """Whether this read sees the past."""
        if self.stale_reads < 1:
            return False
        self.stale_reads -= 1
        return True


def answer(emulator: "Emulator", endpoint: str, body: Any) -> Row:
    """Carry out one control request."""
    match endpoint:
        case "GET /emulator/keys":
            return emulator.keys()
        case "GET /emulator/state":
            return emulator.store.dump()
        case "POST /emulator/reset":
            emulator.reset()
        case "POST /emulator/seed":
            name = body.get("name") if isinstance(body, dict) else None
            if name not in SEEDS:
                raise Refusal(400, f"name: must be one of {', '.join(SEEDS)}")
            emulator.reset(name)
        case "POST /emulator/clock":
            emulator.store.ahead += timedelta(seconds=_seconds(body))
        case "POST /emulator/faults":
            emulator.faults = _faults(body)
        case _:
            raise Refusal(404, "Not found")
    return {"success": True}


def _seconds(body: Any) -> float:
    value = body.get("advance_s") if isinstance(body, dict) else None
    if not isinstance(value, int | float) or not 0 <= value <= 10**9:
        raise Refusal(400, "advance_s: must be a number of seconds from 0")
    return value


def _faults(body: Any) -> Faults:
    try:
        order = FaultOrder.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise Refusal(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return Faults(**{name: getattr(order, name) for name in FaultOrder.model_fields})
