"""The control API, under `/emulator`: for tests and demos, not a part of Portkey's API.

| request | does |
|---|---|
| `GET /emulator/keys` | the seeded keys by name |
| `GET /emulator/state` | the rows of all tables |
| `POST /emulator/reset` | start over from the seed |
| `POST /emulator/seed` `{"name": "acme"}` | start over from another seed |
| `POST /emulator/clock` `{"advance_s": 1800}` | move the time forward |
| `POST /emulator/faults` `{...}` | cause faults; see `Faults` |
| `POST /emulator/plan` `{"plan": "pro"}` | set the plan of the organisation |
| `POST /emulator/usage` `{"kind": "api_keys", "id": "…", "amount": 5}` | spend a part of a budget |

Domains add more with `@control`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from .answers import Refusal
from .bodies import Body
from .routing import ADMIN, ORGANISATION, Call
from .tables import all_tables

if TYPE_CHECKING:
    from .app import Emulator


class Fault(Body):
    """An error that answers the next requests, `times` of them; `retry_after` in seconds."""

    status: int = Field(ge=400, le=599)
    times: int = Field(1, ge=1)
    retry_after: int | None = None


class FaultOrder(Body):
    """The faults to cause: all fields are optional, and `{}` ends all faults."""

    latency_ms: int = Field(0, ge=0, le=60_000)
    answers: list[Fault] = []
    drop: Literal["before", "after"] | None = None
    drop_times: int = Field(1, ge=0)
    stale_reads: int = Field(0, ge=0)


@dataclass
class Faults:
    """The faults that are still to come.

    Each answer is delayed by `latency_ms`. `drop` closes the next `drop_times` connections before
    or after the request takes effect. The next `stale_reads` reads see the state before the last
    write, as happens with Portkey now and then.
    """

    latency_ms: int = 0
    answers: list[Fault] = field(default_factory=list)
    drop: Literal["before", "after"] | None = None
    drop_times: int = 0
    stale_reads: int = 0

    def next(self) -> Fault | None:
        """The error that answers this request, if any."""
        if not self.answers:
            return None
        fault = self.answers[0]
        times = fault.times - 1
        self.answers[:1] = [fault.model_copy(update={"times": times})] if times else []
        return fault

    def drops(self) -> Literal["before", "after"] | None:
        """Whether to close this connection, and when; counts it."""
        if self.drop is None or self.drop_times < 1:
            return None
        self.drop_times -= 1
        return self.drop

    def stale(self) -> bool:
        """Whether this read sees the state before the last write; counts it."""
        if self.stale_reads < 1:
            return False
        self.stale_reads -= 1
        return True


ControlHandler = Callable[["Emulator", Call], Any]
CONTROLS: dict[str, ControlHandler] = {}


def control(endpoint: str) -> Callable[[ControlHandler], ControlHandler]:
    """Declare the handler of a control request; placeholders are as in `route`."""

    def register(handler: ControlHandler) -> ControlHandler:
        CONTROLS[endpoint] = handler
        return handler

    return register


def answer(
    emulator: "Emulator", method: str, path: str, query: Mapping[str, str], body: Any
) -> Any:
    """Answer one control request. Raises Refusal."""
    for endpoint, handler in CONTROLS.items():
        verb, _, pattern = endpoint.partition(" ")
        ids = _ids(pattern, path) if verb == method else None
        if ids is not None:
            # The control API needs no key; its handlers may see everything.
            owner = {"_owner": True, "type": ADMIN, "organisation_id": _organisation(emulator)}
            call = Call(emulator.store, owner, ids, query, body)
            result = handler(emulator, call)
            return {"success": True} if result is None else result
    raise Refusal(404, "Not found")


def _organisation(emulator: "Emulator") -> str:
    return str(emulator.store.table("api_keys").rows()[0]["organisation_id"])


def _ids(pattern: str, path: str) -> dict[str, str] | None:
    """The values of the placeholders, by name; None if the path does not match the pattern."""
    segments, values = pattern.split("/"), path.split("/")
    if len(segments) != len(values):
        return None
    pairs = list(zip(segments, values, strict=True))
    if any(not segment.startswith("{") and segment != value for segment, value in pairs):
        return None
    return {segment[1:-1]: value for segment, value in pairs if segment.startswith("{")}


@control("GET /emulator/keys")
def _keys(emulator: "Emulator", call: Call) -> Any:
    return emulator.keys()


@control("GET /emulator/state")
def _state(emulator: "Emulator", call: Call) -> Any:
    return emulator.store.dump()


@control("POST /emulator/reset")
def _reset(emulator: "Emulator", call: Call) -> None:
    emulator.reset()


@control("POST /emulator/seed")
def _seed(emulator: "Emulator", call: Call) -> None:
    from .seed import SEEDS

    name = call.body.get("name") if isinstance(call.body, dict) else None
    if name not in SEEDS:
        raise Refusal(400, f"name: must be one of {', '.join(SEEDS)}")
    emulator.reset(name)


@control("POST /emulator/clock")
def _clock(emulator: "Emulator", call: Call) -> None:
    emulator.store.advance(timedelta(seconds=_seconds(call.body)))


@control("POST /emulator/faults")
def _set_faults(emulator: "Emulator", call: Call) -> None:
    emulator.faults = _faults(call.body)


class Plan(Body):
    """The plan of the organisation."""

    plan: Literal["enterprise", "pro", "free"]


@control("POST /emulator/plan")
def _plan(emulator: "Emulator", call: Call) -> None:
    plan = call.read(Plan).plan
    with emulator.store.transaction():
        table = call.table(ORGANISATION)
        row = table.get("plan")
        if row is None:
            table.add({"id": "plan", "plan": plan})
        else:
            table.change(row, {"plan": plan})


class Usage(Body):
    """An amount to count against the budget of a row, in dollars, tokens or requests.

    `kind` is the name of the table.
    """

    kind: str
    id: str
    amount: int | float = Field(gt=0)


@control("POST /emulator/usage")
def _spend(emulator: "Emulator", call: Call) -> None:
    usage = call.read(Usage)
    tables = {table.name: table for table in all_tables().values() if table.spend}
    table = tables.get(usage.kind)
    if table is None or table.spend is None:
        raise Refusal(400, f"kind: must be one of {', '.join(tables)}")
    find = table.find_spender
    row = call.find(usage.kind, usage.id) if find is None else find(call, usage.id)
    with emulator.store.transaction():
        table.spend(call, row, usage.amount)


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
