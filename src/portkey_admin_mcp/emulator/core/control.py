"""The control API, under `/emulator`: for tests and demos, not a part of Portkey's API.

`docs/emulator.md` lists all requests. Domains add more with `@control`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from .answers import Refusal
from .bodies import Body
from .faults import FaultOrder, Faults, problem_of
from .routing import ADMIN, ORGANISATION, Call
from .rows import Row
from .tables import all_tables

if TYPE_CHECKING:
    from .app import Emulator


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


@control("GET /emulator/requests")
def _requests(emulator: "Emulator", call: Call) -> Row:
    data = [request.as_json() for request in emulator.requests.requests()]
    return {"total": emulator.requests.total, "data": data}


@control("DELETE /emulator/requests")
def _clear_requests(emulator: "Emulator", call: Call) -> None:
    emulator.requests.clear()


@control("GET /health")
def _health(emulator: "Emulator", call: Call) -> Row:
    return {"status": "ok", "service": "portkey-emulator"}


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


def _faults(body: Any) -> Faults:
    try:
        order = FaultOrder.model_validate(body)
    except ValidationError as error:
        raise Refusal(400, problem_of(error)) from None
    return Faults(**{name: getattr(order, name) for name in FaultOrder.model_fields})
